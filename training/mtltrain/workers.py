"""Gradients of the micro-batches of a step, computed by several single-threaded processes.

One process per core, each taking the next micro-batch when it is free, loses nothing when other programs want the
cores; one process with a thread per core waits for its slowest thread in every operation. On a GPU there is one process.
"""

from __future__ import annotations

import os
import random
import signal

import torch
import torch.multiprocessing as multiprocessing
from torch import Tensor

from .encoding import Row
from .losses import losses
from .model import MultitaskModel
from .optimizer import Optimizer
from .run import Run
from .sampling import Batch, CaseNoise, collate
from .weighting import Equal


class Gradients:
    """`step` leaves the sum of the gradients in the optimizer. The model's tensors are shared by all processes."""

    def __init__(self, model: MultitaskModel, optimizer: Optimizer, weighting: Equal, run: Run, processes: int, noise: CaseNoise | None = None):
        self.noise = noise
        self.model, self.optimizer, self.weighting, self.run = model, optimizer, weighting, run
        processes = min(processes, run.micro_batches) if model.device.type == "cpu" else 1
        context = multiprocessing.get_context("fork")
        self.next = context.Value("i", 0)
        self.buffers = [torch.zeros_like(optimizer.flat).share_memory_() for _ in range(processes - 1)]
        self.pipes, self.processes = [], []
        for buffer in self.buffers:
            mine, theirs = context.Pipe()
            process = context.Process(target=self._serve, args=(theirs, mine, buffer, os.getpid()), daemon=True)
            process.start()
            theirs.close()
            self.pipes.append(mine)
            self.processes.append(process)

    def step(self, number: int, batches: list[list[Row]], quantized: bool) -> tuple[Tensor, Tensor, dict[str, float], dict[str, int], int]:
        """(rows of the word table, their gradient, loss per task, rows per task, tokens)."""
        self.next.value = 0
        job = (number, batches, quantized, self.weighting.state())
        for pipe in self.pipes:
            pipe.send(job)
        parts = [self._work(*job)] + [pipe.recv() for pipe in self.pipes]
        for buffer in self.buffers:
            self.optimizer.gradient.add_(buffer)
        numbers = torch.cat([torch.as_tensor(n) for part in parts for n in part[0]])
        gradients = torch.cat([torch.as_tensor(g) for part in parts for g in part[1]])
        distinct, places = torch.unique(numbers, return_inverse=True)
        summed = torch.zeros(len(distinct), gradients.shape[1], device=gradients.device).index_add_(0, places, gradients)
        loss: dict[str, float] = {}
        rows: dict[str, int] = {}
        for part in parts:
            for task, (value, count) in part[2].items():
                loss[task] = loss.get(task, 0.0) + value
                rows[task] = rows.get(task, 0) + count
        return distinct, summed, loss, rows, sum(part[3] for part in parts)

    def close(self) -> None:
        for pipe, process in zip(self.pipes, self.processes):
            pipe.send(None)
            process.join()

    def _serve(self, pipe, other_end, buffer: Tensor, parent: int) -> None:
        # The parent says when to end; a signal to the whole group is not for this process.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        other_end.close()  # or the process would wait for ever to send to itself when its parent is gone
        self.optimizer.collect_in(buffer)
        while (job := self._receive(pipe, parent)) is not None:
            buffer.zero_()
            numbers, gradients, loss, tokens = self._work(*job)
            # As plain arrays: tensors would travel as open files.
            pipe.send(([n.numpy() for n in numbers], [g.numpy() for g in gradients], loss, tokens))

    @staticmethod
    def _receive(pipe, parent: int):
        try:
            while not pipe.poll(5):
                if os.getppid() != parent:
                    return None
            return pipe.recv()
        except EOFError:
            return None

    def _work(self, number: int, batches: list[list[Row]], quantized: bool, state: dict):
        """Takes micro-batches until none is left."""
        self.weighting.load(state)
        self.model.set_quantized(quantized)
        self.model.train()
        numbers, gradients, loss, tokens = [], [], {}, 0
        while True:
            with self.next.get_lock():
                index = self.next.value
                self.next.value += 1
            if index >= len(batches):
                return numbers, gradients, loss, tokens
            # The same numbers whichever process takes the micro-batch.
            seed = hash((self.run.seed, number, index)) & 0x7FFFFFFF
            torch.manual_seed(seed)
            batch = collate(batches[index], random.Random(seed), self.run.word_dropout, self.noise).to(self.model.device)
            with torch.autocast(self.model.device.type, dtype=torch.bfloat16):
                vectors, rows, used = self.optimizer.word_vectors(batch.ids)
                found = self._losses(batch, vectors, number)
            self.weighting.backward(found, self.optimizer, rows)
            numbers.append(used)
            gradients.append(rows.grad)
            tokens += batch.tokens
            for task, value in found.items():
                before = loss.get(task, (0.0, 0))
                loss[task] = (before[0] + float(value), before[1] + batch.count(task))

    def _losses(self, batch: Batch, vectors: Tensor, number: int) -> dict[str, Tensor]:
        parts = [(slice(None), batch)]
        if self.weighting.separate:
            parts = [batch.only(task) for task in self.model.tasks if task in batch.rows or task in batch.soft_rows]
        found = {}
        for at, part in parts:
            hidden = self.model.encode(vectors[at], part.cases, part.mask)
            found |= losses(self.model, part, hidden, self.run.rows_per_step, self.run.teacher_at(number), self.run.teacher_others)
        return found
