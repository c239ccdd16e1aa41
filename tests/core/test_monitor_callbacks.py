"""The callbacks that docs/monitor.md shows, as they stand there, where their library is installed."""

from __future__ import annotations

import contextlib
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.core.diagnosis.monitor import State

PAGE = (Path(__file__).parents[2] / "docs" / "monitor.md").read_text(encoding="utf-8")


def shown(name: str) -> str:
    """The lines below a mark in the page."""
    found = re.search(rf"<!-- {name} -->\n```py\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def line(torch: Any) -> tuple[Any, Any]:
    torch.manual_seed(0)
    inputs = torch.randn(64, 3)
    return inputs, inputs @ torch.ones(3, 1)


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize(("rate", "states"), [(0.1, []), (1.5, [State.LEAVING])])
def test_the_loop_of_pytorch(rate: float, states: list[State], capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: it comes with the extra `bench`")
    batch, model = line(torch), torch.nn.Linear(3, 1)
    names = {"model": model, "batches": [batch] * 30, "loss_function": torch.nn.functional.mse_loss}
    names["optimizer"] = torch.optim.SGD(model.parameters(), lr=rate)
    exec(shown("pytorch"), names)
    said = capsys.readouterr().out
    assert [names["watch"].notice.state] == states if states else names["watch"].notice is None
    assert ("on its way out: the loss grew by" in said) == bool(states)


@pytest.mark.filterwarnings("ignore")  # theirs
def test_the_loop_of_pytorch_with_the_model() -> None:
    """With a frozen layer and clipped gradients: Adam's sharpness is that of P⁻¹H at this very point, and the clipped run is healthy."""
    torch = pytest.importorskip("torch", reason="torch is not installed: it comes with the extra `bench`")
    inputs, targets = line(torch)
    model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    model[0].requires_grad_(False)
    names = {"model": model, "inputs": inputs, "targets": targets, "loss_function": torch.nn.functional.mse_loss, "rate": 0.05, "steps": 41}
    exec(shown("pytorch with the model"), names)
    watch, look = names["watch"], names["watch"].look
    assert (watch.notice, look.step) == (None, 40)
    hidden = torch.tanh(model[0](inputs)).detach().numpy()
    features = np.column_stack([hidden, np.ones(64)])
    divided = np.sqrt(names["divided_by"]())
    own = np.linalg.eigvalsh(2 / 64 * features.T @ features / np.outer(divided, divided))[-1]
    assert look.sharpness == pytest.approx(own, rel=0.1)  # the preconditioner is one step older there
    for wrong, says in ((list(model.parameters()), "parameters_to_vector"), (np.ones(41), "9 numbers.*without what is frozen, got shape")):
        for given in (wrong, lambda wrong=wrong: wrong):
            with pytest.raises(ValueError, match=says):
                watch.update(1.0, x=given, learning_rate=0.05, step=60)


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize(("rate", "warned"), [(0.1, False), (1.5, True)])
def test_the_loop_of_jax_with_the_model(rate: float, warned: bool) -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed: it comes with the extra `jax`")
    inputs = jax.random.normal(jax.random.key(0), (64, 3))
    names = {"inputs": inputs, "targets": inputs.sum(axis=1), "rate": rate, "steps": 5}
    names |= {"loss_function": lambda p, x, y: ((x @ p["w"] + p["b"] - y) ** 2).mean(), "parameters": {"w": np.zeros(3), "b": 0.5}}
    exec(shown("jax with the model"), names)
    assert (names["watch"].notice is not None) == warned
    assert names["parameters"]["w"].shape == (3,)


@pytest.mark.filterwarnings("ignore")  # theirs
def test_the_callback_of_lightning(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: it comes with the extra `bench`")
    with warnings.catch_warnings(), contextlib.suppress(DeprecationWarning):
        warnings.simplefilter("ignore")
        lightning = pytest.importorskip("lightning.pytorch", reason="lightning is not installed")
    names: dict[str, Any] = {}
    exec(shown("lightning"), names)

    class Line(lightning.LightningModule):
        def __init__(self, rate: float) -> None:
            super().__init__()
            self.layer, self.rate = torch.nn.Linear(3, 1), rate

        def training_step(self, batch: Any, index: int) -> Any:
            return torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=self.rate)

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*line(torch)), batch_size=64)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
    for rate, epochs, warned in ((0.1, 20, False), (1.5, 200, True)):
        watch = names["Watch"]()
        trainer = lightning.Trainer(max_epochs=epochs, callbacks=[watch], enable_checkpointing=False, **quiet)
        trainer.fit(Line(rate), data)
        assert (watch.monitor.notice is not None) == warned
        assert (trainer.global_step < epochs) == warned
        trainer.save_checkpoint(tmp_path / "run.ckpt")
        again = names["Watch"]()
        more = lightning.Trainer(max_epochs=trainer.current_epoch, callbacks=[again], enable_checkpointing=False, **quiet)
        more.fit(Line(rate), data, ckpt_path=tmp_path / "run.ckpt", weights_only=False)
        assert again.monitor.step == watch.monitor.step
