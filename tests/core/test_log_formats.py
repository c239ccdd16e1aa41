# ruff: noqa: E501  # a log has the lines that it has
"""Two logs, at least, of each program that people paste from, in its style, and what must come out: the columns of each role."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from explorer import Verdict, diagnose, read_log

NAN = float("nan")


@dataclass(frozen=True)
class Log:
    """A log and what must be read: the training loss, and the first values of others where they are of interest."""

    text: str | bytes
    train: list[float]
    validation: list[float] | None = None
    learning_rate: list[float] | None = None
    gradient_norm: list[float] | None = None
    loss_scale: list[float] | None = None
    step: list[float] | None = None
    says: str = ""


LOGS: dict[str, Log] = {
    "Hugging Face between bars": Log(
        "  0%|          | 0/300 [00:00<?, ?it/s]\n"
        " 33%|███▎      | 100/300 [00:41<01:22,  2.42it/s]\n"
        "{'loss': 2.5311, 'grad_norm': 4.7, 'learning_rate': 4.5e-05, 'epoch': 0.33}\n"
        " 67%|██████▋   | 200/300 [01:22<00:41,  2.42it/s]\n"
        "{'loss': 1.8822, 'grad_norm': 3.1, 'learning_rate': 2.5e-05, 'epoch': 0.67}\n"
        "100%|██████████| 300/300 [02:03<00:00,  2.42it/s]\n"
        "{'loss': 1.6123, 'grad_norm': 2.2, 'learning_rate': 0.0, 'epoch': 1.0}\n"
        "{'eval_loss': 1.7001, 'eval_runtime': 3.21, 'eval_samples_per_second': 311.5, 'epoch': 1.0}\n"
        "{'train_runtime': 125.4, 'train_samples_per_second': 76.1, 'train_loss': 2.0085, 'epoch': 1.0}\n",
        train=[2.5311, 1.8822, 1.6123],
        validation=[1.7001],
        learning_rate=[4.5e-05, 2.5e-05, 0.0],
        gradient_norm=[4.7, 3.1, 2.2],
    ),
    "Hugging Face, a bar and its row in one line": Log(
        "  5%|▌         | 50/1000 [00:20<06:20,  2.5it/s]{'loss': '0.6931', 'learning_rate': '4.75e-05', 'epoch': '0.05'}\n"
        " 10%|█         | 100/1000 [00:40<06:00,  2.5it/s]{'loss': '0.5', 'learning_rate': '4.5e-05', 'epoch': '0.1'}\n"
        " 15%|█▌        | 150/1000 [01:00<05:40,  2.5it/s]{'loss': 'nan', 'learning_rate': '4.25e-05', 'epoch': '0.15'}\n",
        train=[0.6931, 0.5, NAN],
        learning_rate=[4.75e-05, 4.5e-05],
    ),
    "trainer_state.json": Log(
        '{\n "best_metric": null,\n "epoch": 2.0,\n "global_step": 20,\n "log_history": [\n'
        '  {"epoch": 1.0, "grad_norm": 1.5, "learning_rate": 0.0001, "loss": 1.2, "step": 10},\n'
        '  {"epoch": 1.0, "eval_loss": 1.3, "eval_runtime": 1.0, "step": 10},\n'
        '  {"epoch": 2.0, "grad_norm": NaN, "learning_rate": 5e-05, "loss": 0.9, "step": 20},\n'
        '  {"epoch": 2.0, "train_loss": 1.05, "train_runtime": 9.5, "step": 20}\n ],\n "max_steps": 20\n}\n',
        train=[1.2, 0.9],
        validation=[1.3],
        gradient_norm=[1.5, NAN],
        step=[10, 20],
    ),
    "trainer_state.json in one line": Log(
        '{"log_history": [{"loss": 3.0, "step": 5}, {"loss": 2.0, "step": 10}, {"loss": 1.5, "step": 15}], "total_flos": 1e15}',
        train=[3.0, 2.0, 1.5],
        step=[5, 10, 15],
    ),
    "Keras with carriage returns": Log(
        "".join(
            f"Epoch {epoch}/4\n\r 1/32 [..............................] - ETA: 5s - loss: {loss + 0.1:.4f}"
            f"\r16/32 [==============>...............] - ETA: 0s - loss: {loss + 0.05:.4f}"
            f"\r32/32 [==============================] - 1s 12ms/step - loss: {loss:.4f} - accuracy: 0.5120 - val_loss: {loss + 0.2:.4f}\n"
            for epoch, loss in enumerate([2.3, 1.9, 1.7, 1.6], 1)
        ),
        train=[2.3, 1.9, 1.7, 1.6],
        validation=[2.5, 2.1],
        step=[1, 2, 3, 4],
        says="written over",
    ),
    "Keras 3 with backspaces and colors": Log(
        "".join(
            f"Epoch {epoch}/4\n\x1b[1m 1/32\x1b[0m \x1b[37m━━━━━━━━━━\x1b[0m \x1b[1m2s\x1b[0m 90ms/step - loss: {loss + 0.1:.4f}"
            + "\x08" * 60
            + f"\x1b[1m32/32\x1b[0m \x1b[32m━━━━━━━━━━\x1b[0m \x1b[1m0s\x1b[0m 3ms/step - accuracy: 0.1 - loss: {loss:.4f}\n"
            for epoch, loss in enumerate([0.9, 0.8, 0.75, 0.7], 1)
        ),
        train=[0.9, 0.8, 0.75, 0.7],
        step=[1, 2, 3, 4],
    ),
    "Keras' History as JSON": Log(
        '{"loss": [2.0, 1.0, 0.5], "val_loss": [2.1, 1.2, NaN], "lr": [0.1, 0.1, 0.01]}', [2.0, 1.0, 0.5], [2.1, 1.2, NAN], [0.1]
    ),
    "Keras' History as Python prints it": Log(
        "{'accuracy': [0.51, 0.62, 0.7],\n 'loss': [1.1, nan, inf],\n 'val_loss': [1.2, 0.9, 0.8]}\n", [1.1, NAN, np.inf], [1.2, 0.9, 0.8]
    ),
    "MNIST of PyTorch's examples": Log(
        "Train Epoch: 1 [0/60000 (0%)]\tLoss: 2.305400\nTrain Epoch: 1 [6400/60000 (11%)]\tLoss: 1.803000\n"
        "Train Epoch: 1 [12800/60000 (21%)]\tLoss: 0.901000\n\nTest set: Average loss: 0.2045, Accuracy: 9380/10000 (94%)\n\n"
        "Train Epoch: 2 [0/60000 (0%)]\tLoss: 0.301000\nTrain Epoch: 2 [6400/60000 (11%)]\tLoss: 0.203000\n"
        "Train Epoch: 2 [12800/60000 (21%)]\tLoss: 0.101000\n\nTest set: Average loss: 0.1045, Accuracy: 9580/10000 (96%)\n",
        train=[2.3054, 1.803, 0.901, 0.301, 0.203, 0.101],
        validation=[0.2045, 0.1045],
        step=[0, 6400, 12800, 60000],
    ),
    "CIFAR of PyTorch's tutorial": Log(
        "[1,  2000] loss: 2.211\n[1,  4000] loss: 1.850\n[1,  6000] loss: 1.660\n[2,  2000] loss: 1.385\n[2,  4000] loss: 1.361\nFinished Training\n",
        train=[2.211, 1.85, 1.66, 1.385, 1.361],
        step=[2000, 4000, 6000, 8000],
    ),
    "quickstart of PyTorch": Log(
        "Epoch 1\n-------------------------------\nloss: 2.303494  [   64/60000]\nloss: 2.294637  [ 6464/60000]\n"
        "Test Error: \n Accuracy: 44.7%, Avg loss: 2.156 \n\nEpoch 2\n-------------------------------\n"
        "loss: 2.170000  [   64/60000]\nloss: 2.160000  [ 6464/60000]\nTest Error: \n Accuracy: 50.1%, Avg loss: 1.9 \n",
        train=[2.303494, 2.294637, 2.17, 2.16],
        validation=[2.156, 1.9],
        step=[64, 6464],
    ),
    "ImageNet of PyTorch's examples": Log(
        "Epoch: [0][  1/5005]\tTime  4.5 ( 4.5)\tData  3.1 ( 3.1)\tLoss 7.0e+00 (7.0e+00)\tAcc@1   0.00 (  0.00)\n"
        "Epoch: [0][ 11/5005]\tTime  0.5 ( 0.9)\tData  0.0 ( 0.3)\tLoss 6.9e+00 (6.95e+00)\tAcc@1   0.39 (  0.20)\n"
        "Epoch: [0][ 21/5005]\tTime  0.5 ( 0.7)\tData  0.0 ( 0.2)\tLoss 6.5e+00 (6.8e+00)\tAcc@1   0.39 (  0.30)\n",
        train=[7.0, 6.9, 6.5],
        step=[1, 11, 21],
    ),
    "a loop with both losses": Log(
        "Epoch 1/3, train loss 0.5000, val loss 0.6000\nEpoch 2/3, train loss 0.4000, val loss 0.6500\nEpoch 3/3, train loss 0.3000, val loss 0.7000\n",
        train=[0.5, 0.4, 0.3],
        validation=[0.6, 0.65, 0.7],
        step=[1, 2, 3],
    ),
    "a loop of steps in epochs": Log(
        "Epoch [1/2], Step [100/300], Loss: 1.2500\nEpoch [1/2], Step [200/300], Loss: 1.1250\nEpoch [1/2], Step [300/300], Loss: 1.0\n"
        "Epoch [2/2], Step [100/300], Loss: 0.9\nEpoch [2/2], Step [200/300], Loss: 0.8\nEpoch [2/2], Step [300/300], Loss: 0.75\n",
        train=[1.25, 1.125, 1.0, 0.9, 0.8, 0.75],
        step=[100, 200, 300, 400, 500, 600],
    ),
    "a loop with a separator": Log(
        "Epoch: 01 | Epoch Time: 0m 5s\n\tTrain Loss: 0.694 | Train Acc: 50.12%\n\t Val. Loss: 0.690 |  Val. Acc: 52.10%\n"
        "Epoch: 02 | Epoch Time: 0m 5s\n\tTrain Loss: 0.654 | Train Acc: 60.12%\n\t Val. Loss: 0.640 |  Val. Acc: 62.10%\n",
        train=[0.694, 0.654],
        validation=[0.69, 0.64],
        step=[1, 2],
    ),
    "tensors on a device": Log(
        "0 tensor(4.2, device='cuda:0', grad_fn=<MseLossBackward0>)\n1 tensor(3.1, device='cuda:0', grad_fn=<MseLossBackward0>)\n"
        "2 tensor(nan, device='cuda:0', grad_fn=<MseLossBackward0>)\n",
        train=[4.2, 3.1, NAN],
        step=[0, 1, 2],
    ),
    "tensors with names": Log(
        "step 10 loss tensor(0.5000, grad_fn=<NllLossBackward0>)\nstep 20 loss tensor(0.4000, grad_fn=<NllLossBackward0>)\n"
        "step 30 loss tensor(0.3000, grad_fn=<NllLossBackward0>)\n",
        train=[0.5, 0.4, 0.3],
        step=[10, 20, 30],
    ),
    "arrays of one number": Log("0 [[4.2]]\n1 [[3.9]]\n2 [[3.1]]\n", [4.2, 3.9, 3.1], step=[0, 1, 2]),
    "arrays of one number with a name": Log("Cost: [[4.2]]\nCost: [[3.9]]\nCost: [[3.1]]\n", [4.2, 3.9, 3.1]),
    "arrays of one number alone": Log("[[4.2]]\n[[3.9]]\n[[3.1]]\n", [4.2, 3.9, 3.1]),
    "Lightning's table": Log(
        "epoch,step,train_loss_epoch,train_loss_step,val_loss\n0,49,,1.5,\n0,99,,1.2,\n0,99,1.35,,1.4\n1,149,,1.1,\n1,199,,1.0,\n1,199,1.05,,1.3\n",
        train=[1.5, 1.2, 1.1, 1.0],
        validation=[1.4, 1.3],
        step=[49, 99, 149, 199],
    ),
    "Lightning's bars": Log(
        "Epoch 0: 100%|██████████| 100/100 [00:01<00:00, 90.1it/s, v_num=3, train_loss=0.900, val_loss=1.100]\n"
        "Epoch 1: 100%|██████████| 100/100 [00:01<00:00, 90.1it/s, v_num=3, train_loss=0.800, val_loss=1.000]\n"
        "Epoch 2: 100%|██████████| 100/100 [00:01<00:00, 90.1it/s, v_num=3, train_loss=0.700, val_loss=0.950]\n",
        train=[0.9, 0.8, 0.7],
        validation=[1.1, 1.0, 0.95],
        step=[0, 1, 2],
    ),
    "ultralytics as printed": Log(
        "\n      Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size\n"
        "        1/3      2.52G      1.250      3.500      1.250         20        640: 100%|██████████| 8/8 [00:03<00:00,  2.5it/s]\n"
        "                 Class     Images  Instances      Box(P          R      mAP50  mAP50-95): 100%|██████████| 4/4 [00:01<00:00,  3.1it/s]\n"
        "                   all        128        929       0.64      0.537      0.605      0.446\n"
        "\n      Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size\n"
        "        2/3      2.52G      1.125      2.500      1.125         31        640: 100%|██████████| 8/8 [00:03<00:00,  2.5it/s]\n"
        "                 Class     Images  Instances      Box(P          R      mAP50  mAP50-95): 100%|██████████| 4/4 [00:01<00:00,  3.1it/s]\n"
        "                   all        128        929       0.66      0.557      0.625      0.466\n"
        "\n      Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size\n"
        "        3/3      2.52G      1.000        nan      1.000         31        640: 100%|██████████| 8/8 [00:03<00:00,  2.5it/s]\n",
        train=[6.0, 4.75, NAN],
        step=[1, 2, 3],
        says="cls_loss",
    ),
    "ultralytics' results.csv": Log(
        "                  epoch,         train/box_loss,         train/cls_loss,         train/dfl_loss,  metrics/mAP50(B),     val/box_loss,"
        "     val/cls_loss,     val/dfl_loss,     lr/pg0\n"
        + "".join(f"{i},{1.5 - i / 4},{2.0 - i / 4},{1.0},{0.5},{1.0},{2.0},{1.0},{0.01}\n" for i in range(3)),
        train=[4.5, 4.0, 3.5],
        validation=[4.0, 4.0, 4.0],
        learning_rate=[0.01],
        step=[0, 1, 2],
    ),
    "TensorBoard's table": Log("Wall time,Step,Value\n1.6e9,0,2.3\n1.6e9,10,1.3\n1.6e9,20,NaN\n", [2.3, 1.3, NAN], step=[0, 10, 20]),
    "TensorBoard's JSON": Log(
        "[[1600000000.5, 0, 2.3], [1600000001.5, 10, 1.3], [1600000002.5, 20, 1.1]]", [2.3, 1.3, 1.1], step=[0, 10, 20]
    ),
    "W&B's table": Log(
        '"Step","sweep-1 - train/loss","sweep-1 - train/loss__MIN","sweep-1 - train/loss__MAX"\n"1","2.5","2.4","2.6"\n"2","1.5","1.5","1.5"\n',
        [2.5, 1.5],
        step=[1, 2],
    ),
    "W&B's rows": Log(
        '{"_step": 0, "_runtime": 3.1, "train/loss": 0.9, "val/loss": 1.0}\n{"_step": 1, "_runtime": 4.1, "train/loss": 0.8}\n',
        [0.9, 0.8],
        [1.0],
    ),
    "W&B's table as JSON": Log('{"columns": ["step", "loss"], "data": [[1, 0.5], [2, 0.4], [3, 0.3]]}', [0.5, 0.4, 0.3], step=[1, 2, 3]),
    "pandas as JSON": Log('{"step":{"0":10,"1":20},"loss":{"0":0.5,"1":0.4}}', [0.5, 0.4], step=[10, 20]),
    "YOLOv5 as printed": Log(
        "".join(
            "     Epoch   gpu_mem       box       obj       cls    labels  img_size\n"
            f"     {k}/299     1.74G    {0.5 - k / 8}      0.25     0.125        22       640: 100%|███| 8/8 [00:01<00:00,  5.1it/s]\n"
            "               Class     Images     Labels          P          R     mAP@.5 mAP@.5:.95: 100%|██| 4/4 [00:01<00:00,  5.1it/s]\n"
            "                 all        128        929        0.6        0.5        0.6        0.4\n"
            for k in range(3)
        ),
        [0.875, 0.75, 0.625],
        step=[0, 1, 2],
    ),
    "TensorFlow's Estimator": Log(
        "INFO:tensorflow:loss = 2.3, step = 1\nINFO:tensorflow:global_step/sec: 200.5\nINFO:tensorflow:loss = 1.3, step = 101 (0.5 sec)\n",
        [2.3, 1.3],
        step=[1, 101],
    ),
    "mmdetection": Log(
        "2023-05-04 12:00:00,123 - mmdet - INFO - Epoch [1][50/7330]\tlr: 1.978e-03, eta: 1 day, 2:03:04, time: 0.312, data_time: 0.05, "
        "memory: 3900, loss_rpn_cls: 0.40, loss_rpn_bbox: 0.10, loss_cls: 0.9, acc: 80.1, loss_bbox: 0.1, loss: 1.5\n"
        "2023-05-04 12:00:16,123 - mmdet - INFO - Epoch [1][100/7330]\tlr: 3.976e-03, eta: 1 day, 1:03:04, time: 0.312, data_time: 0.05, "
        "memory: 3900, loss_rpn_cls: 0.30, loss_rpn_bbox: 0.10, loss_cls: 0.8, acc: 82.1, loss_bbox: 0.1, loss: 1.3\n"
        "2023-05-04 12:00:32,123 - mmdet - INFO - Epoch [1][150/7330]\tlr: 5.974e-03, eta: 1 day, 0:03:04, time: 0.312, data_time: 0.05, "
        "memory: 3900, loss_rpn_cls: 0.20, loss_rpn_bbox: 0.10, loss_cls: 0.7, acc: 84.1, loss_bbox: 0.1, loss: 1.1\n",
        train=[1.5, 1.3, 1.1],
        learning_rate=[1.978e-3, 3.976e-3],
        step=[50, 100, 150],
    ),
    "mmengine": Log(
        "01/02 12:00:00 - mmengine - INFO - Epoch(train)   [1][ 50/196]  lr: 1.0e-02  eta: 0:10:00  time: 0.1  data_time: 0.01  memory: 500  "
        "grad_norm: 2.5  loss: 2.25\n"
        "01/02 12:00:10 - mmengine - INFO - Epoch(train)   [1][100/196]  lr: 1.0e-02  eta: 0:09:50  time: 0.1  data_time: 0.01  memory: 500  "
        "grad_norm: 2.0  loss: 2.00\n"
        "01/02 12:00:20 - mmengine - INFO - Epoch(val)   [1][10/10]    accuracy/top1: 31.5  loss: 1.9  data_time: 0.01  time: 0.03\n",
        train=[2.25, 2.0],
        validation=[1.9],
        gradient_norm=[2.5, 2.0],
    ),
    "detectron2": Log(
        "[05/04 12:00:00 d2.utils.events]:  eta: 0:12:34  iter: 19  total_loss: 3.5  loss_cls: 2.5  loss_box_reg: 1.0  time: 0.25  "
        "data_time: 0.01  lr: 0.00025  max_mem: 2450M\n"
        "[05/04 12:00:10 d2.utils.events]:  eta: 0:12:24  iter: 39  total_loss: 3.0  loss_cls: 2.0  loss_box_reg: 1.0  time: 0.25  "
        "data_time: 0.01  lr: 0.0005  max_mem: 2450M\n",
        train=[3.5, 3.0],
        learning_rate=[0.00025, 0.0005],
        step=[19, 39],
    ),
    "detectron2's metrics.json": Log(
        '{"data_time": 0.01, "eta_seconds": 700.5, "iteration": 19, "loss_box_reg": 1.0, "loss_cls": 2.5, "lr": 0.0002, "total_loss": 3.5}\n'
        '{"data_time": 0.01, "eta_seconds": 690.5, "iteration": 39, "loss_box_reg": 1.0, "loss_cls": 2.0, "lr": 0.0004, "total_loss": 3.0}\n',
        train=[3.5, 3.0],
        learning_rate=[0.0002, 0.0004],
        step=[19, 39],
    ),
    "Caffe": Log(
        "I0504 12:00:00.123456  4321 solver.cpp:218] Iteration 0 (0 iter/s, 0.1s/100 iters), loss = 2.5\n"
        "I0504 12:00:00.123456  4321 solver.cpp:237]     Train net output #0: loss = 2.5 (* 1 = 2.5 loss)\n"
        "I0504 12:00:00.123456  4321 sgd_solver.cpp:105] Iteration 0, lr = 0.01\n"
        "I0504 12:00:09.123456  4321 solver.cpp:218] Iteration 100 (9.5 iter/s, 10.5s/100 iters), loss = 1.5\n"
        "I0504 12:00:09.123456  4321 solver.cpp:237]     Train net output #0: loss = 1.5 (* 1 = 1.5 loss)\n"
        "I0504 12:00:09.123456  4321 sgd_solver.cpp:105] Iteration 100, lr = 0.005\n"
        "I0504 12:00:09.223456  4321 solver.cpp:330] Iteration 100, Testing net (#0)\n"
        "I0504 12:00:09.323456  4321 solver.cpp:397]     Test net output #0: accuracy = 0.5\n"
        "I0504 12:00:09.323456  4321 solver.cpp:397]     Test net output #1: loss = 1.75 (* 1 = 1.75 loss)\n",
        train=[2.5, 1.5],
        validation=[1.75],
        learning_rate=[0.01, 0.005],
        step=[0, 100],
    ),
    "Caffe, older": Log(
        "I0101 00:00:01.000001   77 solver.cpp:228] Iteration 20, loss = 0.9\nI0101 00:00:02.000001   77 solver.cpp:228] Iteration 40, loss = 0.8\n"
        "I0101 00:00:03.000001   77 solver.cpp:228] Iteration 60, loss = nan\n",
        train=[0.9, 0.8, NAN],
        step=[20, 40, 60],
    ),
    "darknet": Log(
        "Region 82 Avg IOU: 0.31, Class: 0.49, Obj: 0.50, No Obj: 0.50, .5R: 0.1, .75R: 0.0,  count: 8\n"
        " 1: 800.500000, 800.500000 avg loss, 0.000000 rate, 4.505000 seconds, 64 images\n"
        "Region 82 Avg IOU: 0.32, Class: 0.48, Obj: 0.51, No Obj: 0.49, .5R: 0.1, .75R: 0.0,  count: 9\n"
        " 2: 700.500000, 790.500000 avg loss, 0.001000 rate, 4.505000 seconds, 128 images\n",
        train=[800.5, 700.5],
        learning_rate=[0.0, 0.001],
        step=[1, 2],
    ),
    "darknet, newer": Log(
        " 10: 12.500000, 14.500000 avg loss, 0.001000 rate, 2.5 seconds, 640 images, 3.5 hours left\nLoaded: 0.000051 seconds\n"
        " 11: 11.500000, 14.250000 avg loss, 0.001000 rate, 2.5 seconds, 704 images, 3.4 hours left\nLoaded: 0.000049 seconds\n"
        " 12: -nan, -nan avg loss, 0.001000 rate, 2.5 seconds, 768 images, 3.3 hours left\n",
        train=[12.5, 11.5, NAN],
        step=[10, 11, 12],
    ),
    "kohya, all in one line": Log(
        "steps:   0%|          | 0/300 [00:00<?, ?it/s]\repoch 1/1\n"
        + "".join(f"\rsteps:  {k}%|███       | {k * 3}/300 [00:3{k}<01:00,  2.94s/it, avr_loss=0.{9 - k}]" for k in range(1, 6)),
        train=[0.8, 0.7, 0.6, 0.5, 0.4],
        step=[3, 6, 9, 12, 15],
    ),
    "tqdm without a total": Log(
        "220it [11:33,  2.94s/it, loss=0.5]\n440it [22:33,  2.94s/it, loss=0.4]\n660it [33:33,  2.94s/it, loss=nan]\n",
        [0.5, 0.4, NAN],
        step=[220, 440, 660],
    ),
    "mlx": Log(
        "Iter 1: Val loss 2.900, Val took 3.250s\n"
        "Iter 10: Train loss 2.500, Learning Rate 1.000e-05, It/sec 0.531, Tokens/sec 410.1, Trained Tokens 7500, Peak mem 14.251 GB\n"
        "Iter 20: Train loss 2.250, Learning Rate 1.000e-05, It/sec 0.531, Tokens/sec 410.1, Trained Tokens 15000, Peak mem 14.251 GB\n"
        "Iter 20: Val loss 2.300, Val took 3.250s\n",
        train=[2.5, 2.25],
        validation=[2.9, 2.3],
        learning_rate=[1e-05, 1e-05],
    ),
    "nanoGPT": Log(
        "number of parameters: 123.59M\nstep 0: train loss 10.9, val loss 10.95\niter 0: loss 10.91, time 9000.12ms, mfu -100.00%\n"
        "iter 10: loss 9.5, time 300.5ms, mfu 15.3%\niter 20: loss 8.5, time 300.5ms, mfu 15.3%\niter 30: loss 7.5, time 300.5ms, mfu 15.3%\n"
        "step 30: train loss 7.4, val loss 7.6\n",
        train=[10.91, 9.5, 8.5, 7.5],
        validation=[10.95, 7.6],
        step=[0, 10, 20, 30],
    ),
    "Megatron": Log(
        " [2024-05-04 12:00:00] iteration       10/     500 | consumed samples:         2560 | elapsed time per iteration (ms): 512.5 | "
        "learning rate: 1.5E-05 | global batch size:   256 | lm loss: 9.5E+00 | loss scale: 65536.0 | grad norm: 2.5 | "
        "number of skipped iterations:   0 | number of nan iterations:   0 |\n"
        " [2024-05-04 12:00:06] iteration       20/     500 | consumed samples:         5120 | elapsed time per iteration (ms): 512.5 | "
        "learning rate: 3.0E-05 | global batch size:   256 | lm loss: 8.5E+00 | loss scale: 32768.0 | grad norm: 2.0 | "
        "number of skipped iterations:   1 | number of nan iterations:   0 |\n",
        train=[9.5, 8.5],
        learning_rate=[1.5e-05, 3e-05],
        gradient_norm=[2.5, 2.0],
        loss_scale=[65536, 32768],
        step=[10, 20],
    ),
    "Megatron with validation": Log(
        " iteration 100/ 500 | learning rate: 1.5E-05 | lm loss: 5.0E+00 | grad norm: 2.5 |\n"
        " validation loss at iteration 100 | lm loss value: 5.5E+00 | lm loss PPL: 2.4E+02 |\n"
        " iteration 200/ 500 | learning rate: 1.5E-05 | lm loss: 4.0E+00 | grad norm: 2.5 |\n"
        " validation loss at iteration 200 | lm loss value: 4.5E+00 | lm loss PPL: 9.0E+01 |\n",
        train=[5.0, 4.0],
        validation=[5.5, 4.5],
        step=[100, 200],
    ),
    "fairseq": Log(
        "2021-05-04 12:00:00 | INFO | train_inner | epoch 001:    100 / 1000 loss=10.5, nll_loss=9.9, ppl=955.4, wps=25000, ups=2.5, "
        "wpb=9000, bsz=300, num_updates=100, lr=1.25e-05, gnorm=2.5, loss_scale=128, train_wall=40, wall=45\n"
        "2021-05-04 12:00:40 | INFO | train_inner | epoch 001:    200 / 1000 loss=9.5, nll_loss=8.9, ppl=477.7, wps=25000, ups=2.5, "
        "wpb=9000, bsz=300, num_updates=200, lr=2.5e-05, gnorm=1.5, loss_scale=64, train_wall=40, wall=85\n"
        "2021-05-04 12:01:00 | INFO | valid | epoch 001 | valid on 'valid' subset | loss 9.1 | nll_loss 8.5 | ppl 362 | wps 50000 | "
        "num_updates 200\n2021-05-04 12:01:01 | INFO | train | epoch 001 | loss 10.0 | nll_loss 9.4 | ppl 676 | num_updates 200 | lr 2.5e-05\n",
        train=[10.5, 9.5],
        validation=[9.1],
        learning_rate=[1.25e-05, 2.5e-05],
        gradient_norm=[2.5, 1.5],
        loss_scale=[128, 64],
        step=[100, 200],
    ),
    "fairseq with JSON": Log(
        '2021-05-04 12:00:00 | INFO | train_inner | {"epoch": 1, "update": 0.1, "loss": "10.5", "ppl": "955.4", "num_updates": "100", "lr": "1e-05"}\n'
        '2021-05-04 12:00:40 | INFO | train_inner | {"epoch": 1, "update": 0.2, "loss": "9.5", "ppl": "477.7", "num_updates": "200", "lr": "2e-05"}\n',
        train=[10.5, 9.5],
        learning_rate=[1e-05, 2e-05],
        step=[100, 200],
    ),
    "LightGBM": Log(
        "[LightGBM] [Info] Total Bins 2550\n[1]\ttraining's l2: 0.5\tvalid_1's l2: 0.6\n[2]\ttraining's l2: 0.4\tvalid_1's l2: 0.55\n"
        "[3]\ttraining's l2: 0.3\tvalid_1's l2: 0.5\n",
        train=[0.5, 0.4, 0.3],
        validation=[0.6, 0.55, 0.5],
        step=[1, 2, 3],
    ),
    "LightGBM without training": Log(
        "[10]\tvalid_0's binary_logloss: 0.65\n[20]\tvalid_0's binary_logloss: 0.6\n", [0.65, 0.6], step=[10, 20]
    ),
    "XGBoost": Log(
        "[0]\ttrain-rmse:0.5\teval-rmse:0.6\n[1]\ttrain-rmse:0.4\teval-rmse:0.55\n[2]\ttrain-rmse:0.3\teval-rmse:0.5\n",
        train=[0.5, 0.4, 0.3],
        validation=[0.6, 0.55, 0.5],
        step=[0, 1, 2],
    ),
    "XGBoost's classifier": Log(
        "[12:00:00] [0]\tvalidation_0-mlogloss:1.05\tvalidation_1-mlogloss:1.06\n[12:00:00] [1]\tvalidation_0-mlogloss:0.95\t"
        "validation_1-mlogloss:1.00\n",
        train=[1.05, 0.95],
        step=[0, 1],
    ),
    "Stable-Baselines": Log(
        "".join(
            "------------------------------------------\n| rollout/                |              |\n|    ep_len_mean          | 22.5         |\n"
            "| time/                   |              |\n|    fps                  | 1200         |\n|    iterations           | "
            f"{k}            |\n|    total_timesteps      | {2048 * k}         |\n| train/                  |              |\n"
            f"|    entropy_loss         | -0.68        |\n|    learning_rate        | 0.0003       |\n|    loss                 | {loss}         |\n"
            f"|    value_loss           | {loss * 2}         |\n------------------------------------------\n"
            for k, loss in ((2, 8.5), (3, 7.5), (4, 6.5))
        ),
        train=[8.5, 7.5, 6.5],
        learning_rate=[0.0003],
        step=[2, 3, 4],
    ),
    "fast.ai": Log(
        "epoch     train_loss  valid_loss  accuracy  time    \n0         0.500000    0.400000    0.80      00:05     \n"
        "1         0.400000    0.350000    0.85      00:05     \n2         0.300000    #na#        0.90      00:05     \n",
        train=[0.5, 0.4, 0.3],
        validation=[0.4, 0.35],
        step=[0, 1, 2],
    ),
    "Markdown": Log(
        "| Epoch | Training Loss | Validation Loss |\n|:-----:|:-----:|:-----:|\n| 1 | 2.5 | 2.6 |\n| 2 | 1.5 | No log |\n",
        [2.5, 1.5],
        [2.6],
        step=[1, 2],
    ),
    "Hugging Face in a notebook": Log(
        "Step\tTraining Loss\tValidation Loss\n500\t1.250000\tNo log\n1000\t1.125000\t1.500000\n1500\t1.000000\t1.400000\n",
        train=[1.25, 1.125, 1.0],
        validation=[1.5, 1.4],
        step=[500, 1000, 1500],
    ),
    "pandas": Log("    epoch      loss\n0       1  1.500000\n1       2  1.250000\n2       3       NaN\n", [1.5, 1.25, NAN], step=[1, 2, 3]),
    "pandas with its index's name": Log(
        "       loss  val_loss\nepoch                \n1       1.5       1.6\n2       1.2       1.3\n3       1.1       1.2\n",
        [1.5, 1.2, 1.1],
        [1.6],
        step=[1, 2, 3],
    ),
    "pandas, shortened": Log(
        "      step      loss  lr\n0        0  2.500000  0.1\n1       10  1.500000  0.1\n..     ...       ...  ...\n98     980  0.500000  0.1\n"
        "99     990  0.400000  0.1\n\n[100 rows x 3 columns]\n",
        [2.5, 1.5, 0.5, 0.4],
        learning_rate=[0.1],
        step=[0, 10, 980, 990],
    ),
    "cost after iteration": Log(
        "Cost after iteration 0: 0.693147\nCost after iteration 100: 0.620000\nCost after iteration 200: 0.550000\n",
        [0.693147, 0.62, 0.55],
        step=[0, 100, 200],
    ),
    "loss at step": Log(
        "Start of epoch 0\nTraining loss (for one batch) at step 0: 95.25\nSeen so far: 64 samples\nTraining loss (for one batch) at step 200: 5.5\n"
        "Seen so far: 12864 samples\nTraining loss (for one batch) at step 400: 2.5\n",
        train=[95.25, 5.5, 2.5],
        step=[0, 200, 400],
    ),
    "a list with a name": Log("losses = [1.2, 0.9, 0.7, nan]\n", [1.2, 0.9, 0.7, NAN]),
    "two lists with names": Log(
        "train_losses = [1.2, 0.9,\n 0.7]\nval_losses = [np.float64(1.3), np.float64(1.0), np.float64(0.9)]\n",
        [1.2, 0.9, 0.7],
        [1.3, 1.0, 0.9],
    ),
    "decimal commas": Log(
        "Epoche 1: Verlust 0,693, Genauigkeit 0,51\nEpoche 2: Verlust 0,512, Genauigkeit 0,72\nEpoche 3: Verlust 0,4, Genauigkeit 0,8\n",
        train=[0.693, 0.512, 0.4],
        step=[1, 2, 3],
        says="decimal commas",
    ),
    "decimal commas and points for thousands": Log(
        "Iter 10 loss: 1.234,5\nIter 20 loss: 999,25\nIter 30 loss: 800,5\n", [1234.5, 999.25, 800.5], step=[10, 20, 30]
    ),
    "thousands commas": Log(
        "epoch 1 loss: 2,070.00\nepoch 2 loss: 1,863.50\nepoch 3 loss: 900.25\n", [2070.0, 1863.5, 900.25], step=[1, 2, 3]
    ),
    "thousands without a point": Log(
        "step 1,000 loss: 3.5\nstep 2,000 loss: 2.5\nstep 3,000 loss: 2.0\n", [3.5, 2.5, 2.0], step=[1000, 2000, 3000], says="ambiguous"
    ),
    "decimal commas between spaces": Log("Epoche Verlust\n1 0,5\n2 0,25\n", [0.5, 0.25], step=[1, 2]),
    "decimal commas in quotes, without names": Log(
        '0,"3,00"\n1,"2,05"\n2,"1,10"\n', [3.0, 2.05, 1.1], step=[0, 1, 2], says="decimal commas"
    ),
    "decimal commas in quotes": Log(
        'epoch,loss,val_loss\n0,"3,00","4,0"\n1,"1,125","3,0"\n', [3.0, 1.125], [4.0, 3.0], step=[0, 1], says="'3,00' is 3."
    ),
    "thousands in quotes": Log('step,loss\n0,"1,900"\n1,"1,800.5"\n', [1900.0, 1800.5], step=[0, 1]),
    "a cell of text with a comma beside decimal points": Log(
        'step,loss,gpus\n0,2.5,"0,1"\n1,1.5,"0,1"\n', [2.5, 1.5], says="'gpus' is text"
    ),
    "millions": Log("step 1K loss 2.5M\nstep 2K loss 400K\nstep 3K loss -.5k\n", [2.5e6, 4e5, -500.0], step=[1000, 2000, 3000]),
    "millions in a table": Log("step,loss_1k\n1,2.5M\n2,400k\n", [2.5e6, 4e5], step=[1, 2]),
    "millions in JSON": Log('[{"loss": "2.5M"}, {"loss": "1_900"}, {"loss": "1\u202f500.5"}]', [2.5e6, 1900.0, 1500.5]),
    "a name with a unit": Log("imagenet-21k loss 3.5\nimagenet-21k loss 2.5\n", [3.5, 2.5]),
    "digits in groups": Log("step 1_000 loss 1_900_000.5\nstep 2_000 loss 1_800_000\n", [1900000.5, 1800000.0], step=[1000, 2000]),
    "Fortran": Log("step 1 loss 2.50D+03\nstep 2 loss 2.4D0\nstep 3 loss 1D-2\n", [2500.0, 2.4, 0.01], step=[1, 2, 3]),
    **{
        f"thousands between {space!a}": Log(
            f"step 1 loss 1{space}234{space}900.50\nstep 2 loss 1{space}800.50\n", [1234900.5, 1800.5], step=[1, 2]
        )
        for space in "\u00a0\u2009\u202f"
    },
    **{
        f"a French table between {space!a}": Log(f"pas;perte\n0;2{space}701,34\n1;2{space}601,5\n", [2701.34, 2601.5], step=[0, 1])
        for space in " \u00a0\u202f"
    },
    "hexadecimal": Log(
        "step 1 loss 0x1a\nstep 2 loss 3\nstep 3 loss 2\n", [3.0, 2.0], step=[2, 3], says="In line 1 'loss' counts as missing: '0x1a'."
    ),
    "hexadecimal in a table": Log("step,loss\n1,0x1a\n2,3\n3,2\n", [3.0, 2.0], says="'0x1a' in line 2"),
    "long integers": Log(
        f'{{"step": 1, "loss": 1{"0" * 60}}}\n{{"step": 2, "loss": 1{"0" * 70}}}\n{{"step": 3, "loss": "1{"0" * 80}"}}\n',
        [1e60, 1e70, 1e80],
    ),
    "long integers in a list": Log(
        f'[{{"loss": 1{"0" * 60}}}, {{"loss": -1{"0" * 70}}}, {{"loss": 1{"0" * 5000}}}]', [1e60, -1e70, np.inf]
    ),
    "CatBoost": Log(
        "0:\tlearn: 0.68\ttest: 0.69\tbest: 0.69 (0)\ttotal: 50ms\tremaining: 5s\n1:\tlearn: 0.67\ttest: 0.68\tbest: 0.68 (1)\ttotal: 100ms\tremaining: 5s\n",
        train=[0.68, 0.67],
        validation=[0.69, 0.68],
        step=[0, 1],
    ),
    "Spanish": Log("época 1 de 3 - pérdida: 0.9 - precisión: 0.5\népoca 2 de 3 - pérdida: 0.8 - precisión: 0.6\n", [0.9, 0.8], step=[1, 2]),
    "Russian": Log("Эпоха 1: потери 0.9, точность 0.5\nЭпоха 2: потери 0.8, точность 0.6\n", [0.9, 0.8], step=[1, 2]),
    "Chinese": Log("第 1 轮 训练损失: 0.9 验证损失: 1.0\n第 2 轮 训练损失: 0.8 验证损失: 0.95\n", [0.9, 0.8], [1.0, 0.95]),
    "ranks": Log(
        "".join(f"[rank{r}]: step {k} loss {3.0 - k / 2 + r}\n" for k in range(1, 4) for r in (0, 1)),
        [3.0, 2.5, 2.0],
        step=[1, 2, 3],
        says="2 ranks",
    ),
    "ranks, one breaks": Log(
        "Rank 0 | step 1 | loss 2.0\nRank 1 | step 1 | loss 3.0\nRank 0 | step 2 | loss 1.5\nRank 1 | step 2 | loss nan\n",
        [2.5, NAN],
        step=[1, 2],
        says="rank 1",
    ),
    "Keras, evaluated at the end": Log(
        "".join(f"Epoch {i}/3\n1875/1875 [====] - 3s - loss: {x}\n" for i, x in enumerate([0.9, 0.5, 0.3], 1))
        + "313/313 [====] - 1s 2ms/step - loss: 9.3512 - accuracy: 0.8812\n",
        [0.9, 0.5, 0.3],
        [9.3512],
        step=[1, 2, 3],
    ),
    "TensorFlow's estimator, evaluated at the end": Log(
        "INFO:tensorflow:loss = 0.9, step = 0\nINFO:tensorflow:loss = 0.5, step = 100 (0.9 sec)\n"
        "INFO:tensorflow:Saving dict for global step 100: accuracy = 0.5, global_step = 100, loss = 5.5\n",
        [0.9, 0.5],
        [5.5],
        step=[0, 100],
    ),
    "timm, evaluated at the end": Log(
        "Train: 0 [   0/200 (  0%)]  Loss: 6.9 (6.9)  Time: 0.5s  LR: 1.0e-03\nTrain: 0 [ 100/200 ( 50%)]  Loss: 6.5 (6.7)  Time: 0.5s  LR: 1.0e-03\n"
        "Test: [   0/195]  Time: 0.1 (0.1)  Loss: 8.85 (8.85)  Acc@1: 1.5 (1.5)\nTest: [ 195/195]  Time: 0.1 (0.1)  Loss: 8.75 (8.8)  Acc@1: 1.5 (1.5)\n",
        [6.9, 6.5],
        [8.8],  # one evaluation: its mean over all batches
        learning_rate=[1e-3],
    ),
    "Keras, checkpoints between two states of a bar": Log(
        "".join(
            f"Epoch {i}/3\n10/10 [=====] - ETA: 0s - loss: {x}\nEpoch {i}: val_loss improved from 1.5 to 1.1, saving model to best.h5\n"
            f"10/10 [=====] - 1s 20ms/step - loss: {x} - val_loss: {x + 0.5}\n"
            for i, x in enumerate([0.75, 0.5, 0.25], 1)
        ),
        [0.75, 0.5, 0.25],
        [1.25, 1.0, 0.75],
        step=[1, 2, 3],
        learning_rate=[],
    ),
    "hours that are left": Log("step 1 loss 0.9 eta: 0.5h\nstep 2 loss 0.8 eta: 0.4h\n", [0.9, 0.8], learning_rate=[]),
    "DETR, whose unscaled loss is no scale": Log(
        "Epoch: [0] [ 0/20] lr: 0.0001 loss: 9.5 (9.5) loss_ce_unscaled: 1024 (1024)\n"
        "Epoch: [0] [10/20] lr: 0.0001 loss: 8.5 (9.0) loss_ce_unscaled: 1023 (1024)\n",
        [9.5, 8.5],
        loss_scale=[],
    ),
    "DeepSpeed, with the place in the source": Log(
        "step 1 loss 2.0\nstep 2 loss 1.5\n[2024-01-01 10:00:00,000] [INFO] [loss_scaler.py:188:update_scale] [deepspeed] OVERFLOW!"
        " Rank 0 Skipping step. Attempted loss scale: 32768, reducing to 16384\n",
        [2.0, 1.5],
        loss_scale=[32768],
    ),
    **{
        f"a number as {large}": Log(f"step 1 loss {large}\nstep 2 loss 12.5\n", [number, 12.5], step=[1, 2])
        for large, number in {
            "9'900.25": 9900.25,
            "9’900.25": 9900.25,
            "9 900.25": 9900.25,
            "1,20,345.5": 120345.5,
            "1.5×10^7": 1.5e7,
            "1.5 x 10^7": 1.5e7,
            "1.5*10^-7": 1.5e-7,
        }.items()
    },
    "PyTorch Geometric, with scores": Log(
        "Epoch: 001, Loss: 1.9, Train: 0.39, Val: 0.31, Test: 0.30\nEpoch: 002, Loss: 1.5, Train: 0.59, Val: 0.51, Test: 0.50\n",
        [1.9, 1.5],
        validation=[],
        step=[1, 2],
    ),
    "spaCy, with spaces in its names": Log(
        "E    #       LOSS TOK2VEC  LOSS NER  ENTS_F  ENTS_P  ENTS_R  SCORE \n---  ------  ------------  --------  ------  ------  ------  ------\n"
        "  0       0          9.50     60.50    0.10    0.20    0.10    0.00\n  0     200          5.25   2500.5    10.00   20.00   30.00    0.10\n"
        "  1     400          2.25   1200.5    30.00   40.00   30.00    0.30\n",
        [9.5, 5.25, 2.25],
        step=[0, 200, 400],
    ),
    "pandas, with an index that was written and read": Log(
        "   Unnamed: 0  epoch      loss\n0           0      1  0.900000\n1           1      2  0.800000\n2           2      3  0.700000\n",
        [0.9, 0.8, 0.7],
        step=[1, 2, 3],
    ),
    **{
        f"steps and losses as {form}": Log(text, [0.9, 0.8, 0.7], step=[0, 1, 2])
        for form, text in {
            "a pair in each line": "(0, 0.9)\n(1, 0.8)\n(2, 0.7)\n",
            "a list of pairs": "[(0, 0.9), (1, 0.8), (2, 0.7)]",
            "a dictionary": "{0: 0.9, 1: 0.8, 2: 0.7}",
        }.items()
    },
    **{
        f"a long table of {names}": Log(
            names
            + "\n"
            + "".join(
                row.format(i=i, k=key, v=value - i / 4) + "\n" for i in range(3) for key, value in (("train_loss", 1), ("val_loss", 2))
            ),
            [1, 0.75, 0.5],
            [2, 1.75, 1.5],
            step=[0, 1, 2],
        )
        for names, row in (
            ("key,value,step,timestamp", "{k},{v},{i},170000000{i}"),
            ("run_id,key,value,step", "a1,{k},{v},{i}"),
            ("step,metric,value", "{i},{k},{v}"),
        )
    },
    "darknet, with its layers": Log(
        "".join(
            "Region 82 Avg IOU: 0.33, Class: 0.75, Obj: 0.467408, No Obj: 0.47, .5R: 0.1, count: 4\n" * 3
            + f"{i}: {loss}, {loss + 0.5} avg, 0.001 rate, 12.3 seconds, {64 * i} images\n"
            for i, loss in enumerate([9.0, 5.0, 3.0], 1)
        ),
        [9.0, 5.0, 3.0],
        learning_rate=[0.001],
        step=[1, 2, 3],
    ),
    "an auxiliary loss first": Log("step 0 aux_loss 0.01 loss_ce 1.0\nstep 1 aux_loss 0.01 loss_ce 0.9\n", [1.0, 0.9]),
    "a batch's loss first": Log("Epoch 1 batch loss 3.9 avg loss 1.0\nEpoch 2 batch loss 3.8 avg loss 0.9\n", [1.0, 0.9]),
    "llm.c": Log(
        "step    1/100 | loss 9.5 (+1.00z)| norm 1.2000 (-0.1z)| lr 6.00e-04 | 100.00 ms\nstep    2/100 | loss 9.0 (+1.00z)| norm 1.1 (-0.1z)| lr 5e-04 | 99 ms\n",
        [9.5, 9.0],
        gradient_norm=[1.2, 1.1],
        learning_rate=[6e-4, 5e-4],
    ),
    "ESPnet": Log(
        "1epoch:train:1-100batch: iter_time=0.1, loss_ctc=1.0, loss=9.5, optim0_lr0=1.0e-05\n1epoch:train:101-200batch: iter_time=0.1, loss_ctc=1.0, loss=9.0, optim0_lr0=2.0e-05\n",
        [9.5, 9.0],
        learning_rate=[1e-5, 2e-5],
    ),
    **{
        f"{train} and {validation}": Log(
            "".join(f"epoch {i}: {train} {1 / i} {validation} {2 / i}\n" for i in (1, 2, 4)), [1, 0.5, 0.25], [2, 1, 0.5], step=[1, 2, 4]
        )
        for train, validation in (
            ("tr_loss", "cv_loss"),
            ("Trainingsverlust", "Validierungsverlust"),
            ("Trainingsverlust", "Testverlust"),
            ("perdita", "perdita di validazione"),
            ("strata", "strata walidacyjna"),
            ("потери", "потери на валидации"),
            ("kayıp", "doğrulama kaybı"),
            ("verlies", "validatieverlies"),
            ("trn", "dev"),
        )
    },
    "Chinese, with its own commas": Log("第1轮，损失：1.5\n第2轮，损失：1.25\n", [1.5, 1.25], step=[1, 2]),
    "rich's table": Log(
        "┏━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━┓\n┃ Epoch ┃ Train Loss ┃ Val Loss ┃\n┡━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━┩\n"
        "│ 1     │ 0.9        │ 1.0      │\n│ 2     │ 0.8        │ 0.95     │\n└───────┴────────────┴──────────┘\n",
        [0.9, 0.8],
        [1.0, 0.95],
        step=[1, 2],
    ),
    "Hugging Face, the bar below its row": Log(
        "{'loss': 1.2, 'learning_rate': 1e-05, 'epoch': 0.1}\n 10%|█         | 100/1000 [00:20<06:20,  2.5it/s]\n"
        "{'loss': 1.0, 'learning_rate': 9e-06, 'epoch': 0.2}\n 20%|██        | 200/1000 [00:40<06:00,  2.5it/s]\n"
        " 25%|██▌       | 250/1000 [00:50<06:00,  2.5it/s]\n"
        "{'loss': 0.9, 'learning_rate': 8e-06, 'epoch': 0.3}\n 30%|███       | 300/1000 [01:00<05:40,  2.5it/s]\n",
        [1.2, 1.0, 0.9],
        learning_rate=[1e-5, 9e-6, 8e-6],
        step=[100, 200, 300],
    ),
    "Hugging Face, evaluated, the bar below its row": Log(
        "  0%|          | 0/200 [00:00<?, ?it/s]\n{'loss': 1.2, 'epoch': 1.0}\n 50%|█████     | 100/200 [00:20<00:20,  2.5it/s]\n"
        "{'eval_loss': 1.3, 'eval_runtime': 3.2, 'epoch': 1.0}\n 50%|█████     | 100/200 [00:20<00:20,  2.5it/s]\n"
        "{'loss': 0.8, 'epoch': 2.0}\n100%|██████████| 200/200 [00:40<00:00,  2.5it/s]\n"
        "{'eval_loss': 1.1, 'eval_runtime': 3.2, 'epoch': 2.0}\n100%|██████████| 200/200 [00:40<00:00,  2.5it/s]\n",
        [1.2, 0.8],
        [1.3, 1.1],
        step=[100, 200],
    ),
    "Hugging Face, an evaluation with a bar of its own": Log(
        "".join(
            f" 33%|███▎      | {100 * i}/300 [00:41<01:22,  2.42it/s]\n{{'loss': {x}, 'learning_rate': 1e-05, 'epoch': {i}.0}}\n"
            f" 50%|█████     | 5/10 [00:01<00:01,  5.0it/s]\n100%|██████████| 10/10 [00:02<00:00,  5.0it/s]\n"
            f"{{'eval_loss': {x + 0.5}, 'eval_runtime': 3.2, 'epoch': {i}.0}}\n"
            for i, x in enumerate([1.5, 1.25, 1.0], 1)
        ),
        [1.5, 1.25, 1.0],
        [2.0, 1.75, 1.5],
        step=[100, 200, 300],
    ),
    "Hugging Face, which row a bar belongs to is not known": Log(
        "{'loss': 1.2, 'epoch': 0.1}\n 10%|█         | 100/1000 [00:20<06:20,  2.5it/s]\n"
        "{'loss': 1.0, 'epoch': 0.2}\n 20%|██        | 200/1000 [00:40<06:00,  2.5it/s]\n{'loss': 0.9, 'epoch': 0.3}\n",
        [1.2, 1.0, 0.9],
        step=[0.1, 0.2, 0.3],
    ),
    "AllenNLP": Log(
        "".join(
            f"2019-06-10 10:00:11,123 - INFO - allennlp.training.trainer - Epoch {i}/2\n"
            f"accuracy: 0.7, loss: {x + 0.1:.4f} ||: 100%|##########| 100/100 [00:10<00:00,  9.8it/s]\n"
            "2019-06-10 10:01:11,123 - INFO - allennlp.training.tensorboard_writer -                     Training |  Validation\n"
            "2019-06-10 10:01:11,123 - INFO - allennlp.training.tensorboard_writer - accuracy        |     0.700  |     0.600\n"
            "2019-06-10 10:01:11,123 - INFO - allennlp.training.tensorboard_writer - gpu_0_memory_MB |  1234.000  |       N/A\n"
            f"2019-06-10 10:01:11,123 - INFO - allennlp.training.tensorboard_writer - loss            |     {x:.3f}  |     {x + 0.5:.3f}\n"
            for i, x in enumerate([1.5, 1.25, 1.0])
        ),
        [1.5, 1.25, 1.0],
        [2.0, 1.75, 1.5],
        step=[0, 1, 2],
    ),
    "AllenNLP, its tables alone": Log(
        "                     Training |  Validation\naccuracy          |     0.700  |     0.600\nloss              |     1.000  |     1.100\n"
        "                     Training |  Validation\naccuracy          |     0.800  |     0.600\nloss              |     0.900  |     1.200\n",
        [1.0, 0.9],
        [1.1, 1.2],
    ),
    "Flair": Log(
        "".join(
            f"2020-03-01 12:00:00,123 epoch {i} - iter 10/20 - loss {x + 0.2} - samples/sec: 44.31 - lr: 0.1\n"
            f"2020-03-01 12:01:00,123 epoch {i} - iter 20/20 - loss {x + 0.1} - samples/sec: 44.31 - lr: 0.1\n"
            f"2020-03-01 12:02:00,123 EPOCH {i} done: loss {x} - lr 0.1000\n2020-03-01 12:02:10,123 DEV : loss {x + 0.5} - score 0.5\n"
            for i, x in enumerate([2.0, 1.0], 1)
        ),
        [2.2, 2.1, 1.2, 1.1],
        [2.5, 1.5],
        learning_rate=[0.1],
        step=[10, 20, 30, 40],
    ),
    "Flair, its epochs alone": Log(
        "EPOCH 1 done: loss 1.0 - lr: 0.1\nDEV : loss 0.66 - f1-score (micro avg)  0.5\n"
        "EPOCH 2 done: loss 0.8 - lr: 0.1\nDEV : loss 0.6 - f1-score (micro avg)  0.6\n",
        [1.0, 0.8],
        [0.66, 0.6],
        step=[1, 2],
    ),
    "Keras, evaluated on as many batches": Log(
        "".join(f"Epoch {i}/2\n32/32 [=====] - 1s 3ms/step - loss: {x} - accuracy: 0.5\n" for i, x in enumerate([1.0, 0.8], 1))
        + "32/32 [=====] - 0s 1ms/step - loss: 0.9 - accuracy: 0.4\n",
        [1.0, 0.8],
        [0.9],
        step=[1, 2],
    ),
    "Keras 3, evaluated on as many batches after each epoch": Log(
        "".join(
            f"Epoch {i}/2\n16/32 ━━━━━━━━━━ 1s 3ms/step - loss: {x + 0.1}\n32/32 ━━━━━━━━━━ 1s 3ms/step - loss: {x}\n"
            f"16/32 ━━━━━━━━━━ 1s 3ms/step - loss: {x + 0.4}\n32/32 ━━━━━━━━━━ 1s 3ms/step - loss: {x + 0.5}\n"
            for i, x in enumerate([1.0, 0.75], 1)
        ),
        [1.1, 1.0, 0.85, 0.75],
        [1.5, 1.25],
    ),
    "Keras, a call of one epoch each time": Log(
        "".join(f"Epoch 1/1\n32/32 [=====] - 1s 3ms/step - loss: {x}\n" for x in (1.0, 0.8, 0.6)), [1.0, 0.8, 0.6], []
    ),
    "Paddle": Log(
        "".join(
            f"Epoch {i}/2\nstep  10/20 - loss: {x + 0.5} - acc: 0.5 - 12ms/step\nstep  20/20 - loss: {x} - acc: 0.7 - 12ms/step\n"
            f"Eval begin...\nstep 10/15 - loss: {x + 1} - acc: 0.7 - 5ms/step\nstep 15/15 - loss: {x + 2} - acc: 0.7 - 5ms/step\nEval samples: 10000\n"
            for i, x in enumerate([1.0, 0.75], 1)
        ),
        [1.5, 1.0, 1.25, 0.75],
        [3.0, 2.75],
        step=[10, 20, 30, 40],
    ),
    "ImageNet of PyTorch's examples, evaluated": Log(
        "".join(
            "".join(
                f"Epoch: [{i}][{at:3d}/20]\tTime  0.5 ( 0.9)\tLoss {x - at / 100:.4e} (6.95e+00)\tAcc@1   0.39 (  0.20)\n" for at in (1, 11)
            )
            + "".join(f"Test: [{at:3d}/20]\tTime  0.5 ( 0.9)\tLoss {x + at:.4e} ({x + 0.5:.4e})\tAcc@1   0.39 (  0.20)\n" for at in (1, 11))
            + " *   Acc@1 0.500 Acc@5 1.000\n"
            for i, x in enumerate([7.0, 6.0])
        ),
        [6.99, 6.89, 5.99, 5.89],
        [7.5, 6.5],
        step=[1, 11, 21, 31],
    ),
    "timm, evaluated after each epoch": Log(
        "".join(
            f"Train: {i} [   0/200 (  0%)]  Loss: {x} (6.9)  Time: 0.5s  LR: 1.0e-03\nTrain: {i} [ 100/200 ( 50%)]  Loss: {x - 0.5} (6.7)  Time: 0.5s  LR: 1.0e-03\n"
            f"Test: [   0/5]  Time: 0.1 (0.1)  Loss: {x + 2} ({x + 2})\nTest: [   5/5]  Time: 0.1 (0.1)  Loss: {x + 3} ({x + 1})\n"
            for i, x in enumerate([7.0, 6.0])
        ),
        [7.0, 6.5, 6.0, 5.5],
        [8.0, 7.0],
        learning_rate=[1e-3],
        step=[0, 100, 200, 300],
    ),
    "MMEngine, evaluated": Log(
        "".join(
            f"01/01 00:00:00 - mmengine - INFO - Epoch(train)  [{i}][ 50/100]  lr: 1.0e-02  eta: 0:10:00  time: 0.1  loss: {x + 0.5}\n"
            f"01/01 00:00:00 - mmengine - INFO - Epoch(train)  [{i}][100/100]  lr: 1.0e-02  eta: 0:10:00  time: 0.1  loss: {x}\n"
            f"01/01 00:00:00 - mmengine - INFO - Epoch(val) [{i}][10/10]    loss: {x + 2}  acc: 0.5\n"
            for i, x in enumerate([2.0, 1.0], 1)
        ),
        [2.5, 2.0, 1.5, 1.0],
        [4.0, 3.0],
        step=[50, 100, 150, 200],
    ),
    "an estimator of TensorFlow 1": Log(
        "INFO:tensorflow:loss = 2.3, step = 1\nINFO:tensorflow:global_step/sec: 81.23\nINFO:tensorflow:loss = 2.2, step = 101 (1.234 sec)\n"
        "INFO:tensorflow:global_step/sec: 80.1\nINFO:tensorflow:loss = 1.9, step = 201 (1.250 sec)\nINFO:tensorflow:Loss for final step: 1.9.\n"
        "INFO:tensorflow:Saving dict for global step 201: accuracy = 0.5, global_step = 201, loss = 2.0\n",
        [2.3, 2.2, 1.9],
        [2.0],
        step=[1, 101, 201],
    ),
    "tinygrad": Log(
        "  0 1234.56 ms run, 2.10 ms python, 10.24 ms CL, 2.30 loss, 0.001234 LR, 1.20 GB used, 123.45 GFLOPS\n"
        "  1   12.34 ms run, 2.10 ms python, 10.24 ms CL, 2.10 loss, 0.001235 LR, 1.20 GB used, 123.45 GFLOPS\n",
        [2.3, 2.1],
        learning_rate=[0.001234, 0.001235],
        step=[0, 1],
    ),
    "Optuna, a value each trial": Log(
        "[I 2023-05-01 12:00:00,123] Trial 0 finished with value: 0.5 and parameters: {'x': 2.5, 'lr': 0.01}. Best is trial 0 with value: 0.5.\n"
        "[I 2023-05-01 12:00:01,123] Trial 1 finished with value: 0.7 and parameters: {'x': 1.5, 'lr': 0.02}. Best is trial 0 with value: 0.5.\n",
        [0.5, 0.7],
        step=[0, 1],
    ),
    "MATLAB's trainNetwork, its names in two lines": Log(
        "Training on single CPU.\nInitializing input data normalization.\n"
        "|=========================================================================================|\n"
        "|  Epoch  |  Iteration  |  Time Elapsed  |  Mini-batch  |  Mini-batch  |  Base Learning  |\n"
        "|         |             |   (hh:mm:ss)   |   Accuracy   |     Loss     |      Rate       |\n"
        "|=========================================================================================|\n"
        "|       1 |           1 |       00:00:01 |       10.16% |       2.3026 |          0.0100 |\n"
        "|       1 |          50 |       00:00:11 |       60.94% |       1.0326 |          0.0100 |\n"
        "|       2 |         100 |       00:00:21 |       80.94% |       0.5326 |          0.0010 |\n"
        "|=========================================================================================|\n"
        "Training finished: Max epochs completed.\n",
        [2.3026, 1.0326, 0.5326],
        [],
        learning_rate=[0.01, 0.01, 0.001],
        step=[1, 50, 100],
    ),
    "MATLAB's trainNetwork with a validation now and then": Log(
        "|  Epoch  |  Iteration  |  Time Elapsed  |  Mini-batch  |  Validation  |  Mini-batch  |  Validation  |  Base Learning  |\n"
        "|         |             |   (hh:mm:ss)   |     RMSE     |     RMSE     |     Loss     |     Loss     |      Rate       |\n"
        "|       1 |           1 |       00:00:01 |         2.10 |         2.00 |       2.3026 |       2.2000 |          0.0100 |\n"
        "|       1 |          50 |       00:00:11 |         1.90 |              |       1.0326 |              |          0.0100 |\n"
        "|       2 |         100 |       00:00:21 |         1.80 |         1.75 |       0.5326 |       0.7000 |          0.0100 |\n",
        [2.3026, 1.0326, 0.5326],
        [2.2, 0.7],
        step=[1, 50, 100],
    ),
    "MATLAB's trainnet, whose blank cells are blanks": Log(
        "    Iteration    Epoch    TimeElapsed    LearnRate    TrainingLoss    ValidationLoss\n"
        "    _________    _____    ___________    _________    ____________    ______________\n"
        "            0        0       00:00:05         0.01                            13.488\n"
        "            1        1       00:00:05         0.01          13.974                  \n"
        "           50        2       00:00:14         0.01          2.7424            2.7448\n",
        [13.974, 2.7424],
        [13.488, 2.7448],
        step=[1, 50],
    ),
    "Vowpal Wabbit, its names in two lines": Log(
        "average  since         example        example  current  current  current\nloss     last          counter         weight    label  predict features\n"
        "1.000000 1.000000            1            1.0   1.0000   0.0000       51\n0.750000 0.500000            2            2.0   0.0000   0.7000       51\n"
        "0.500000 0.250000            4            4.0   0.0000   0.5000       51\n",
        [1.0, 0.75, 0.5],
        step=[1, 2, 4],
    ),
    "SciPy's L-BFGS-B": Log(
        "RUNNING THE L-BFGS-B CODE\n\n           * * *\n\nMachine precision = 2.220D-16\n N =            3     M =           12\n\n"
        "At iterate    0    f=  1.37325D+00    |proj g|=  1.00000D+00\n\nAt iterate    5    f=  1.27325D+00    |proj g|=  1.00000D-01\n\n"
        "At iterate   10    f=  1.17325D+00    |proj g|=  1.00000D-02\n",
        [1.37325, 1.27325, 1.17325],
        step=[0, 5, 10],
        says="'f' is taken for it",
    ),
    "Swin Transformer": Log(
        "".join(
            "".join(
                f"[2021-01-01 00:00:00 swin_tiny](main.py 187): INFO Train: [{i}/300][{at}/20]\teta 0:10:00 lr 0.0001\t time 0.5 (0.5)\tloss {x - at / 100} (6.9)\tgrad_norm 1.2 (1.3)\tmem 3000MB\n"
                for at in (0, 10)
            )
            + f"[2021-01-01 00:00:00 swin_tiny](main.py 229): INFO Test: [0/98]\tTime 0.5 (0.5)\tLoss {x + 1} ({x + 1})\tAcc@1 1.0 (1.0)\tMem 3000MB\n"
            f"[2021-01-01 00:00:00 swin_tiny](main.py 229): INFO Test: [10/98]\tTime 0.5 (0.5)\tLoss {x + 2} ({x + 0.5})\tAcc@1 1.0 (1.0)\tMem 3000MB\n"
            for i, x in enumerate([7.0, 6.0])
        ),
        [7.0, 6.9, 6.0, 5.9],
        [7.5, 6.5],
        learning_rate=[1e-4],
        gradient_norm=[1.2],
        step=[0, 10, 20, 30],
    ),
    "ESPnet, its results of an epoch": Log(
        "".join(
            f"[host] 2021-01-01 00:00:00,123 (trainer:338) INFO: {i}epoch results: [train] iter_time=0.1, loss={x}, acc=0.5, time=1 minute and 2.3 seconds,"
            f" total_count=100, [valid] loss={x + 0.5}, acc=0.4, time=2.3 seconds, total_count=10\n"
            for i, x in enumerate([5.0, 4.0, 3.0], 1)
        ),
        [5.0, 4.0, 3.0],
        [5.5, 4.5, 3.5],
        step=[1, 2, 3],
    ),
    "short lines that count in brackets": Log("Train: [1/10] Loss 1.0 (1.1)\nTrain: [2/10] Loss 0.9 (1.0)\n", [1.0, 0.9], step=[1, 2]),
    "Marian": Log(
        "[2020-01-01 00:00:00] Ep. 1 : Up. 500 : Sen. 1,000 : Cost 6.2 : Time 10.1s : 1000.1 words/s : L.r. 3.0e-04\n"
        "[2020-01-01 00:00:00] Ep. 1 : Up. 1000 : Sen. 2,000 : Cost 6.0 : Time 10.1s : 1000.1 words/s : L.r. 3.0e-04\n"
        "[2020-01-01 00:00:00] [valid] Ep. 1 : Up. 1000 : cross-entropy : 6.5 : new best\n",
        [6.2, 6.0],
        [6.5],
        learning_rate=[3e-4, 3e-4],
        step=[500, 1000],
    ),
    "GPT-NeoX, validated": Log(
        " iteration       10/ 1000 | learning rate: 1.0E-04 | lm loss: 5.0E+00 | loss scale: 65536.0 | number of skipped iterations:   0 |\n"
        " iteration       20/ 1000 | learning rate: 1.0E-04 | lm loss: 4.0E+00 | loss scale: 65536.0 | number of skipped iterations:   0 |\n"
        " validation results at iteration 20 | lm_loss value: 4.5E+00 | lm_loss_ppl value: 90.0E+00 | \n",
        [5.0, 4.0],
        [4.5],
        loss_scale=[65536],
        step=[10, 20],
    ),
    "a GAN of Keras' examples": Log(
        "0 [D loss: 0.7, acc.: 50.00%] [G loss: 0.8]\n1 [D loss: 0.6, acc.: 50.00%] [G loss: 0.9]\n2 [D loss: 0.5, acc.: 60.00%] [G loss: 1.1]\n",
        [0.7, 0.6, 0.5],
        step=[0, 1, 2],
        says="Other losses of training: 'G loss'",
    ),
    "CatBoost, which says its rate first": Log(
        "Learning rate set to 0.03\n0:\tlearn: 0.5\ttest: 0.6\tbest: 0.6 (0)\ttotal: 50ms\tremaining: 1m 2s\n"
        "1:\tlearn: 0.4\ttest: 0.55\tbest: 0.55 (1)\ttotal: 51ms\tremaining: 1m 2s\n\nbestTest = 0.55\nbestIteration = 1\n",
        [0.5, 0.4],
        [0.6, 0.55],
        step=[0, 1],
    ),
    "Lightning with the losses of step and epoch": Log(
        "".join(
            f"Epoch {i}: 100%|██████████| 50/50 [00:03<00:00, 14.11it/s, v_num=3, train_loss_step={x}, val_loss={x + 0.5}, train_loss_epoch={x + 0.25}]\n"
            for i, x in enumerate([1.0, 0.75, 0.5])
        ),
        [1.0, 0.75, 0.5],
        [1.5, 1.25, 1.0],
        step=[0, 1, 2],
        says="'train_loss_epoch'",
    ),
    "llama.cpp's finetuning": Log(
        "train_opt_callback: iter=     1 sample=1/100 sched=0.1 loss=5.0 dt=00:00:05 eta=00:10:00 |->\n"
        "train_opt_callback: iter=     2 sample=5/100 sched=0.2 loss=4.0 dt=00:00:05 eta=00:10:00 |->\n",
        [5.0, 4.0],
        step=[1, 2],
    ),
    "DeepXDE": Log(
        "Compiling model...\n'compile' took 0.000353 s\n\nTraining model...\n\nStep      Train loss              Test loss               Test metric\n"
        "0         [1.20e+00, 3.40e-01]    [1.10e+00, 3.30e-01]    []  \n1000      [1.20e-01, 3.40e-02]    [1.10e-01, 3.30e-02]    []  \n"
        "2000      [1.20e-02, 3.40e-03]    [1.10e-02, 3.30e-03]    []  \n\nBest model at step 2000:\n  train loss: 1.54e-02\n"
        "  test loss: 1.43e-02\n  test metric: []\n\n'train' took 12.5 s\n",
        [1.54, 0.154, 0.0154],
        [1.43, 0.143, 0.0143],
        step=[0, 1000, 2000],
    ),
    "DeepXDE, of four terms and with a metric": Log(
        "Step      Train loss                                  Test loss                                   Test metric\n"
        "0         [1.2e+00, 3.4e-01, 1.0e-01, 2.0e-01]    [1.1e+00, 3.3e-01, 1.0e-01, 2.0e-01]    [1.0e+00]\n"
        "100       [1.2e-01, nan, 1.0e-01, 2.0e-01]    [1.1e-01, 3.3e-01, 1.0e-01, 2.0e-01]    [1.0e+00]\n",
        [1.84, NAN],
        [1.73, 0.74],
        step=[0, 100],
    ),
    "JSON, the losses of training and validation apart": Log(
        '{"history": {"train": {"loss": [1.0, 0.5, 0.4], "acc": [0.1, 0.2, 0.3]}, "val": {"loss": [1.1, null, 0.5]}}}',
        [1.0, 0.5, 0.4],
        [1.1, 0.5],
    ),
    "JSON, lists inside another object": Log(
        '{"config": {"lr": 0.1, "layers": [64, 64]}, "results": {"train_loss": [1.0, 0.5, NaN], "val_loss": [1.1, 0.6, 0.5]}, "best": 0.4}',
        [1.0, 0.5, NAN],
        [1.1, 0.6, 0.5],
    ),
    "Python's print of the losses apart": Log("{'train': {'loss': [1.0, nan]}, 'val': {'loss': [1.1, 0.6]}}", [1.0, NAN], [1.1, 0.6]),
    "a pair in each line": Log("(0, 1.0)\n(1, 0.5)\n(2, nan)\n", [1.0, 0.5, NAN], step=[0, 1, 2]),
    "a list of pairs with a name": Log("losses = [(0, 1.0), (10, 0.5), (20, 0.4)]", [1.0, 0.5, 0.4], step=[0, 10, 20]),
    "CSV, blank cells at the end left out": Log(
        "epoch,loss,val_loss\n1,0.5,\n2,0.4\n3,0.3,0.35\n4,0.2\n", [0.5, 0.4, 0.3, 0.2], [0.35], step=[1, 2, 3, 4]
    ),
    "CSV, most rows shorter than the names": Log(
        "epoch,loss,val_loss,lr\n1,0.5\n2,0.4\n3,0.3\n4,0.2,0.3,0.1\n", [0.5, 0.4, 0.3, 0.2], [0.3], [0.1]
    ),
    "CSV, a comma more than the names have": Log("epoch,loss\n1,0.5,\n2,0.4,\n3,0.3,\n", [0.5, 0.4, 0.3], step=[1, 2, 3]),
    "tabs, blank cells at the end left out": Log("epoch\tloss\tval_loss\n1\t0.5\n2\t0.4\t0.45\n3\t0.3\n", [0.5, 0.4, 0.3], [0.45]),
    "a box with blank cells": Log(
        "+-------+------+----------+\n| epoch | loss | val_loss |\n+-------+------+----------+\n|   1   | 0.5  |          |\n"
        "|   2   | 0.4  |   0.45   |\n|   3   | 0.3  |          |\n+-------+------+----------+\n",
        [0.5, 0.4, 0.3],
        [0.45],
    ),
    "Keras, states of bars as lines": Log(
        "".join(
            f"Epoch {k}/3\n  1/469 [>....] - ETA: 4s - loss: {3 / k}\n234/469 [==>..] - ETA: 2s - loss: {2 / k}\n"
            f"469/469 [=====] - 3s 6ms/step - loss: {1 / k} - val_loss: {2 / k}\n"
            for k in (1, 2, 3)
        ),
        [3.0, 2.0, 1.0, 1.5, 1.0, 0.5, 1.0, 2 / 3, 1 / 3],
        [2.0, 1.0, 2 / 3],
        step=[1, 234, 469, 470, 703, 938, 939, 1172, 1407],
    ),
    "steps of how many, resumed at the third epoch": Log(
        "epoch 3 step 100 of 250: loss 0.9\nepoch 3 step 200 of 250: loss 0.8\nepoch 4 step 100 of 250: loss 0.7\n"
        "epoch 4 step 200 of 250: loss 0.6\n",
        [0.9, 0.8, 0.7, 0.6],
        step=[600, 700, 850, 950],
    ),
    "batches of how many, epochs from 0": Log(
        "Epoch [0][0/40] loss 0.9\nEpoch [0][30/40] loss 0.8\nEpoch [1][0/40] loss 0.7\nEpoch [1][30/40] loss 0.6\n",
        [0.9, 0.8, 0.7, 0.6],
        step=[0, 30, 40, 70],
    ),
    "Markdown, most rows shorter than the names": Log(
        "| epoch | loss | val_loss |\n|---|---|---|\n| 1 | 0.5 |\n| 2 | 0.4 |\n| 3 | 0.3 | 0.35 |\n", [0.5, 0.4, 0.3], [0.35]
    ),
}


@pytest.mark.parametrize("name", LOGS)
def test_a_log_is_read_as_it_was_meant(name: str) -> None:
    wanted = LOGS[name]
    log = read_log(wanted.text)
    assert_begins(log.curve("train"), wanted.train, whole=True)
    for role in ("validation", "learning_rate", "gradient_norm", "loss_scale"):
        expected = getattr(wanted, role)
        if expected == []:
            assert role not in log.roles
        elif expected is not None:
            assert_begins(log.curve(role), expected)
    if wanted.step is not None:
        assert log.step is not None
        assert_begins(np.ma.masked_array(log.step, np.ma.getmaskarray(log.losses)), wanted.step)
    assert wanted.says in " ".join(log.notes)
    assert repr(log.roles["train"]) in log.reading


@pytest.mark.parametrize(
    "text",
    [
        'Traceback (most recent call last):\n  File "train.py", line 14, in <module>\n  File "train.py", line 9, in main\nValueError: no\n',
        "# Kaldi 5.5\n[steps/nnet3/chain/train.py:515 - main - INFO ] Copying\n[steps/nnet3/chain/train.py:516 - main - INFO ] Copying\n",
        "RUNNING THE L-BFGS-B CODE\n\nMachine precision = 2.220D-16\n N =           10     M =           10\n",
        "episode 1 epsilon 1.0\nepisode 2 epsilon 0.5\n",
        "iteration 1 log-likelihood -100\niteration 2 log-likelihood -95\n",
        *(
            f"epoch,{name}\n" + "".join(f"{k},{-263 + k}\n" for k in range(9))
            for name in ("elbo", "ELBO", "train/elbo", "val_loglikelihood")
        ),
        "loading data: 0.50 s\nloading data: 0.61 s\n",
        # Stan's optimizer, which maximizes: its last column has a name and is blank.
        "    Iter      log prob        ||dx||      ||grad||       alpha      alpha0  # evals  Notes \n"
        "      10         -10.5          0.01            20           1           1       12   \n"
        "      20          -9.5          0.01            20           1           1       12   \n",
    ],
)
def test_what_has_no_loss_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="the file must have"):
        read_log(text)


@pytest.mark.parametrize("name", ["neg_elbo", "nelbo", "-elbo", "elbo_loss", "nll", "negative log likelihood"])
def test_what_is_maximized_is_a_loss_with_another_sign(name: str) -> None:
    log = read_log(f"epoch,elbo,{name}\n" + "".join(f"{k},{-263 + k},{263 - k}\n" for k in range(9)))
    assert log.roles["train"] == name
    assert diagnose(log).verdict != Verdict.DIVERGED


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("[1,2,__import__('os')]", "__import__('os')"),
        ("losses = [1, 2, 3 + 4, 5]", "+"),
        ("{'loss': [1,2,os.system('x')]}", "os.system('x')"),
        ("losses = [1.5,\n 2,\n 1e,\n 3]\n", "1e"),
        ("[1 2 3 x]", "x"),
    ],
)
def test_a_list_is_taken_whole_or_refused(text: str, other: str) -> None:
    """Not as 1.2, the decimal comma of its first two numbers."""
    line = text.count("\n", 0, text.index("[")) + 1
    says = f"the file must have nothing but numbers in a list, and the one in line {line} has {other!r}"
    with pytest.raises(ValueError, match=re.escape(says)):
        read_log(text)


def test_a_list_that_was_cut_off_is_read_as_far_as_it_goes() -> None:
    for text in ("[1,2,3", "losses = [1,2,3", "{'loss': [1,2,3"):
        assert read_log(text).losses.tolist() == [1, 2, 3]


def test_a_rate_below_zero_is_none() -> None:
    log = read_log("step,loss,lr\n" + "\n".join(f"{i},{1 / (i + 1)},{-3 - i / 10}" for i in range(9)))
    assert "learning_rate" not in log.roles
    assert "'lr' has values below 0, so it is not taken for the learning rate; it may be its logarithm." in log.notes


STOPS_EARLY = "Training until validation scores don't improve for 50 rounds\n[10]\ttraining's l2: 0.6\n[20]\ttraining's l2: 0.5\n"


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (STOPS_EARLY, ["iteration", "training's l2"]),
        (
            "[0]\ttrain-auc:0.9\ttrain-logloss:0.6\nWill train until train-auc hasn't improved in 5 rounds.\n",
            ["iteration", "auc", "logloss"],
        ),
        ("Epoch 1/2\n1/9 [>...] - ETA: 4s - loss: 2.0\n9/9 [====] - 3s 6ms/step - loss: 1.0\n", ["Epoch", "progress", "loss"]),
        ("epoch 1 loss 0.5 eta 12 min\nepoch 2 loss 0.4 eta 6 min\n", ["epoch", "loss"]),
    ],
)
def test_what_is_said_beside_the_numbers_is_no_column(text: str, columns: list[str]) -> None:
    assert [name.removeprefix("train-") for name in read_log(text).columns] == columns


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("epoch,loss,val_loss\n" + "".join(f"{k / 5 + 1},{9 - k},{abs(k - 2) + 1}\n" for k in range(9)), "epoch 1.4"),
        ("".join(f"Epoch {k}: loss {10 - k} val_loss {abs(k - 3) + 1}\n" for k in range(1, 10)), "epoch 3"),
        ("".join(f"step {k}: loss {10 - k} val_loss {abs(k - 3) + 1}\n" for k in range(1, 10)), "step 3"),
        ("".join(f"round {k}: loss {10 - k} val_loss {abs(k - 3) + 1}\n" for k in range(1, 10)), "step 3"),
    ],
)
def test_a_place_is_told_by_what_counts_it(text: str, place: str) -> None:
    assert f"the validation loss rises from {place} on" in diagnose(read_log(text)).sentence


def test_a_quote_that_is_not_closed_is_refused_in_our_words() -> None:
    with pytest.raises(ValueError, match="a quote may not be closed"):
        read_log('loss\n"' + "1.0\n" * 50_000 + '"')


def assert_begins(found: Any, expected: list[float], *, whole: bool = False) -> None:
    assert found is not None
    values = found.compressed()
    np.testing.assert_allclose(values if whole else values[: len(expected)], expected, rtol=1e-9)
