"""The callbacks that docs/monitor.md shows, as they stand there, where their library is installed."""

from __future__ import annotations

import contextlib
import re
import warnings
from pathlib import Path
from typing import Any

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
    model = torch.nn.Linear(3, 1)
    names = {"model": model, "batches": [line(torch)] * 30, "loss_function": torch.nn.functional.mse_loss}
    names["optimizer"] = torch.optim.SGD(model.parameters(), lr=rate)
    exec(shown("pytorch"), names)
    said = capsys.readouterr().out
    assert [names["watch"].notice.state] == states if states else names["watch"].notice is None
    assert ("inf at" in said) == bool(states)


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
