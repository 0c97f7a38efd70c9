"""sentence-transformers' own trainer."""

from __future__ import annotations

import tempfile
from importlib.metadata import version

from _training import CLIP, LEARNING_RATE, SCALE, SEED, Clock, Task, parse
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.losses import MultipleNegativesRankingLoss
from transformers import TrainerCallback


class Steps(TrainerCallback):
    """Passes finished steps to the clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_step_end(self, _args, state, _control, **_):
        """A step is over."""
        self.clock.step(state.global_step)


def main(task: Task) -> None:
    """Train and print."""
    model = SentenceTransformer(str(task.model), device="cpu")
    model.max_seq_length = task.length
    clock = Clock(task)
    with tempfile.TemporaryDirectory() as folder:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=folder,
            max_steps=task.steps,
            per_device_train_batch_size=task.batch_size,
            learning_rate=LEARNING_RATE,
            lr_scheduler_type="linear",
            weight_decay=0.01,
            max_grad_norm=CLIP,
            bf16=task.precision == "bf16",
            use_cpu=True,
            seed=SEED,
            logging_steps=10,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        trainer = SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_parquet(str(task.pairs)),
            loss=MultipleNegativesRankingLoss(model, scale=SCALE),
            callbacks=[Steps(clock)],
        )
        trainer.train()
    model.save(str(task.out), create_model_card=False)
    packages = ("sentence-transformers", "transformers", "torch")
    clock.result("sentence-transformers", versions={name: version(name) for name in packages})


if __name__ == "__main__":
    main(parse())
