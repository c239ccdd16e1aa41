"""What other libraries call what is here, so that a refusal can say its name."""

ELSEWHERE = {
    "lr": "learning_rate",
    "eta": "learning_rate",
    "step_size": "learning_rate",
    "betas": "beta1 and beta2",
    "beta_1": "beta1",
    "beta_2": "beta2",
    "b1": "beta1",
    "b2": "beta2",
    "epsilon": "eps",
    "wd": "weight_decay",
    "etas": "etaminus and etaplus",
    "step_sizes": "step_size_min and step_size_max",
    "epochs": "steps",
    "iterations": "steps",
    "max_iter": "steps",
    "n_steps": "steps",
    "num_steps": "steps",
    "x0": "start",
    "scheduler": "schedule",
    "lr_scheduler": "schedule",
    "random_state": "seed",
    "max_norm": "norm",
    "clip_value": "value",
    "sgd": "gradient_descent, with batch_size for mini-batches",
    "gd": "gradient_descent",
    "heavy_ball": "momentum",
    "nag": "nesterov",
    "signum": "signsgd",
    "mse": "linear_regression or network, or from_function for your own",
    "steplr": "step_decay",
    "multisteplr": "multi_step",
    "exponentiallr": "exponential",
    "constantlr": "constant_warmup",
    "linearlr": "linear_warmup",
    "polynomiallr": "polynomial",
    "cosineannealinglr": "cosine",
    "cosineannealingwarmrestarts": "cosine_restarts",
    "onecyclelr": "one_cycle",
}
"""In lower case, with the name here."""


def pointer(name: object) -> str:
    """Return how to say it here, to be put after a refusal; nothing for a name that is unknown elsewhere too.

    >>> pointer("SGD"), pointer("adam")
    (': say gradient_descent, with batch_size for mini-batches', '')
    """
    here = ELSEWHERE.get(name.lower()) if isinstance(name, str) else None
    return f": say {here}" if here else ""
