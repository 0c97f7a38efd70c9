"""Self Positioning: find where to merge by gradient descent (arXiv 2410.15035).

Embedders that were trained from one start ``theta_0``, each on its own task, are merged at
``theta_0 + lambda * V(a)``: ``V(a)`` is the spherical mix of their task vectors ``V_i = theta_i - theta_0``
with direction coefficients ``a_i``, ``lambda`` its scale. These N + 1 numbers are all that is trained, on
a small probe set that mixes the tasks evenly, with the contrastive loss of training plus
``mu * lambda`` (mu keeps the scale from growing). The result is one ordinary embedder.

Spherical mixing only ever needs the inner products of the task vectors, so the mix is a linear
combination of the ``V_i`` whose coefficients follow from the Gram matrix, and one backward pass through
``theta`` gives the exact gradient of all N + 1 numbers.

When to use it: several fine-tuned forms of one model, each good at its own task, are to become one, and a
few hundred examples of every task are at hand. Without examples a plain merge has to do: see merging.md.

Decisions where the paper is silent: a_i = exp(log_a_i), all a_i = 1 and lambda = 1 at the start; Adam;
the last position is the result; negatives come from the anchor's own task, as they did in training.
The models are folded in the order in which the job names them (the fold is not associative).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call

from embedworks.embedder import Embedder, Pair
from embedworks.errors import InputError
from embedworks.folder import common_settings, read_lineage, weights_digest
from embedworks.losses.contrastive import group_targets, score_matrix
from embedworks.losses.gather import first_row, gather_rows
from embedworks.nn.precision import Precision, choose_dtype
from embedworks.objective import Losses, Objective, ObjectiveConfig, Start
from embedworks.transforms.pairs import PairTransform
from embedworks.transforms.transform import Batch, Transform

Weights = dict[str, Tensor]

# Shape legend: N models to merge, B anchors, C candidates, d dimensions.

# -- the interpolation space -------------------------------------------------------------------------


def spherical_coefficients(gram_NN: Tensor, a_N: Tensor) -> Tensor:
    """Coefficients ``c_N`` of the folded spherical mix ``V(a) = sum_i c_i V_i`` (paper, steps 1 and 2).

    Two vectors at angle ``alpha`` mix as ``[sin((1-beta) alpha) V_i + sin(beta alpha) V_j] / sin alpha``
    with ``beta = a_j / (a_i + a_j)``; they are not normalised first, so norms are interpolated too.
    More are folded in from left to right, the running mix having the mean of its ``a``.

    Args:
        gram_NN: Inner products ``<V_i, V_j>``.
        a_N: Direction coefficients, positive.

    Returns:
        ``(N,)``, differentiable in ``a_N``.
    """
    eye = torch.eye(len(a_N), dtype=gram_NN.dtype, device=gram_NN.device)
    mix_N = eye[0]
    for j in range(1, len(a_N)):
        beta = a_N[j] / (a_N[:j].mean() + a_N[j])
        left, right = slerp_weights(mix_N @ gram_NN @ mix_N, mix_N @ gram_NN[j], gram_NN[j, j], beta)
        mix_N = left * mix_N + right * eye[j]
    return mix_N


def fold_angles(gram_NN: Tensor, a_N: Tensor) -> list[float]:
    """The angle of each step of the fold, in degrees: of the mix so far and the vector that joins it."""
    angles = []
    for j in range(1, len(a_N)):
        mix_j = spherical_coefficients(gram_NN[:j, :j], a_N[:j])
        product, own = float(mix_j @ gram_NN[:j, j]), float(gram_NN[j, j])
        size = math.sqrt(max(float(mix_j @ gram_NN[:j, :j] @ mix_j) * own, 0.0))
        angles.append(degrees(product / max(size, 1e-30)))
    return angles


def degrees(cosine: float) -> float:
    """The angle of a cosine, which rounding may have put beyond 1."""
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))


def slerp_weights(uu: Tensor, uv: Tensor, vv: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
    """Weights of u and v in their spherical mix at ``beta``; linear where the angle is below 1e-6."""
    cosine = uv / (uu * vv).sqrt().clamp(min=1e-30)
    # arccos has an infinite slope at +-1, where the linear mix takes over anyway.
    alpha = torch.arccos(cosine.clamp(-1 + 1e-12, 1 - 1e-12))
    if float(alpha.detach()) < 1e-6:
        return 1 - beta, beta
    return torch.sin((1 - beta) * alpha) / torch.sin(alpha), torch.sin(beta * alpha) / torch.sin(alpha)


# -- the objective -----------------------------------------------------------------------------------


class SelfPositioning(Objective):
    """The search for a position: N + 1 trainable scalars, everything else fixed.

    Args:
        config: See :class:`Config`.
        start: ``base`` is theta_0, ``parents`` the models to merge, in fold order.

    Raises:
        InputError: if a parent was trained from another start, or differs in shape, tokenizer or pooling.
    """

    title = "Self Positioning: merging embedders by searching the interpolation space"

    class Config(ObjectiveConfig):
        """Keys of a merge stage's ``parameters:``."""

        mu: float = Field(default=0.01, ge=0, description="weight of lambda in the loss; best below 0.05")
        temperature: float = Field(default=0.05, gt=0, description="of the contrastive loss")
        per_tensor: bool = Field(default=False, description="an angle per tensor instead of one for all")
        pairs: tuple[Pair, ...] = Field(
            default=(), description="(layers, dimensions) whose losses are summed; empty: the full size"
        )
        query_length: int = Field(default=32, ge=2, description="tokens")
        positive_length: int = Field(default=128, ge=2, description="tokens")
        compute: Precision = Field(
            default="auto", description="precision of the forward pass; positions stay float32"
        )
        gather: bool = Field(default=True, description="candidates of all workers as negatives")
        pipeline: Literal["separate", "iterative"] = Field(
            default="separate", description="every model from the base, or each from the one before"
        )

    config: Config
    _template: Embedder
    _taps: Taps

    def __init__(self, config: Config, start: Start) -> None:
        super().__init__(config, start)
        base = start.embedder()
        check_starts(start, config.pipeline)
        # Read as its models were trained to be read; the base may pool otherwise.
        base.settings = common_settings(start.parents)
        self.theta_0 = Fixed(dict(base.named_parameters()))
        self.buffers_0 = Fixed(dict(base.named_buffers()))
        self.vectors = nn.ModuleList(
            Fixed(task_vector(base, parent, place))
            for parent, place in zip(start.parent_embedders(), start.parents, strict=True)
        )
        self.grams_TNN = torch.stack([gram(self.task_tensors(name)) for name in self.theta_0.names])
        self.log_a_N = nn.Parameter(torch.zeros(len(start.parents)))
        self.scale_1 = nn.Parameter(torch.ones(1))
        self._conflict: dict[str, float] = {}
        # Held outside of the module tree: their parameters are no parameters of the search. The taps
        # need shapes only; their values come in with every forward pass.
        object.__setattr__(self, "_template", base)
        object.__setattr__(self, "_taps", Taps(copy.deepcopy(base)).to("meta"))

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:
        """Tokenised pairs, each with the number of the corpus that it came from."""
        return PairTransform(
            start.tokenizer,
            query_length=config.query_length,
            positive_length=config.positive_length,
            max_length=start.max_length,
        )

    def forward(self, batch: Batch) -> Losses:
        """Probe loss at the current position.

        Args:
            batch: ``query_ids``, ``query_mask`` (B, T), ``candidate_ids``, ``candidate_mask`` (C, T), and
                ``source`` (B,) where several corpora are mixed.

        Returns:
            ``loss`` = ``contrastive`` + mu * lambda.
        """
        if self.training and not self._conflict:
            self._conflict = gradient_conflict(self, batch)
        contrastive = self.contrastive(self.position(self.mix_weights()), batch)
        loss = contrastive + self.config.mu * self.scale_1.float().squeeze()
        return {"loss": loss, "contrastive": contrastive.detach()}

    def mix_weights(self) -> Tensor:
        """``lambda * c(a)``: weight of each task vector, ``(N,)``, or ``(tensors, N)`` if per tensor."""
        a_N = self.log_a_N.double().exp()
        if self.config.per_tensor:
            mix = torch.stack([spherical_coefficients(gram_NN, a_N) for gram_NN in self._grams()])
        else:
            mix = spherical_coefficients(self._grams().sum(0), a_N)
        return self.scale_1 * mix.to(self.scale_1.dtype)

    def position(self, weights: Tensor) -> Weights:
        """``theta_0 + sum_i w_i V_i``, tensor by tensor."""
        rows = weights if weights.ndim == 2 else weights.expand(len(self.theta_0.names), -1)
        return {
            name: self.theta_0[name]
            + torch.einsum("n,n...->...", row_N, torch.stack(self.task_tensors(name)))
            for name, row_N in zip(self.theta_0.names, rows, strict=True)
        }

    def task_tensors(self, name: str) -> list[Tensor]:
        """The task vectors' parts of one tensor, in fold order."""
        return [vector[name] for vector in self._vectors()]

    def contrastive(self, theta: Weights, batch: Batch, gather: bool | None = None) -> Tensor:
        """InfoNCE of a batch at ``theta``, summed over the pairs; negatives are of the anchor's task."""
        pairs = self.config.pairs or (self._template.full_pair,)
        layers = [layer for layer, _ in pairs]
        query_PBD = self._embed(theta, batch["query_ids"], batch["query_mask"], layers)
        candidate_PCD = self._embed(theta, batch["candidate_ids"], batch["candidate_mask"], layers)
        losses = [
            self._ranking_loss(query_BD[:, :d], candidate_CD[:, :d], batch, gather)
            for (_, d), query_BD, candidate_CD in zip(pairs, query_PBD, candidate_PCD, strict=True)
        ]
        return torch.stack(losses).sum()

    def _ranking_loss(
        self, query_Bd: Tensor, candidate_Cd: Tensor, batch: Batch, gather: bool | None
    ) -> Tensor:
        wide = self.config.gather if gather is None else gather
        collect = gather_rows if wide else lambda rows: rows
        first = first_row(len(candidate_Cd)) if wide else 0
        group = len(candidate_Cd) // len(query_Bd)
        scores_BN = score_matrix(query_Bd, collect(candidate_Cd.float()), "cosine", self.config.temperature)
        if "source" in batch:
            theirs_N = collect(batch["source"].float().repeat_interleave(group))
            scores_BN = scores_BN.masked_fill(batch["source"][:, None] != theirs_N[None, :], float("-inf"))
        targets_B = group_targets(len(query_Bd), group, first).to(scores_BN.device)
        return nn.functional.cross_entropy(scores_BN, targets_B)

    def _embed(self, theta: Weights, ids: Tensor, mask: Tensor, layers: Sequence[int]) -> list[Tensor]:
        values = {f"embedder.{name}": value for name, value in theta.items()}
        values |= {f"embedder.{name}": self.buffers_0[name] for name in self.buffers_0.names}
        is_bf16 = choose_dtype(self.config.compute, ids.device) == torch.bfloat16
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=is_bf16):
            pooled: list[Tensor] = functional_call(self._taps, values, (ids, mask, layers))
        return pooled

    def _grams(self) -> Tensor:
        return self.grams_TNN.to(self.log_a_N.device)

    def _vectors(self) -> Iterator[Fixed]:
        for vector in self.vectors:
            assert isinstance(vector, Fixed)
            yield vector

    def diagnostics(self) -> Mapping[str, float]:
        """a_i, lambda, norms and angles of the task vectors, angles of the fold, the gradients' conflict.

        ``alpha/j`` is the angle, in degrees, between the mix of the models before j and model j.
        """
        gram_NN = self._grams().sum(0)
        norms_N = gram_NN.diagonal().sqrt()
        numbers = {"lambda": float(self.scale_1.detach()), **self._conflict}
        for i, a in enumerate(self.log_a_N.detach().float().exp().tolist()):
            numbers[f"a/{i}"] = a
            numbers[f"norm/{i}"] = float(norms_N[i])
            for j in range(i):
                cosine = float(gram_NN[i, j] / (norms_N[i] * norms_N[j]).clamp(min=1e-30))
                numbers[f"vector_cosine/{j}-{i}"] = cosine
                numbers[f"angle_degrees/{j}-{i}"] = degrees(cosine)
        if not self.config.per_tensor:
            a_N = self.log_a_N.detach().double().exp()
            numbers |= {f"alpha/{j}": alpha for j, alpha in enumerate(fold_angles(gram_NN, a_N), start=1)}
        return numbers

    def embedder(self) -> Embedder:
        """One ordinary embedder at the position found."""
        merged = copy.deepcopy(self._template)
        with torch.no_grad():
            merged.load_state_dict(self.position(self.mix_weights()), strict=False)
        return merged


# -- parts -------------------------------------------------------------------------------------------


class Fixed(nn.Module):
    """Named tensors that move with the module, are never trained, and are not saved with it."""

    def __init__(self, tensors: Weights) -> None:
        super().__init__()
        self.names = tuple(tensors)
        for number, tensor in enumerate(tensors.values()):
            self.register_buffer(f"tensor{number}", tensor.detach().clone(), persistent=False)
        self._places = {name: f"tensor{number}" for number, name in enumerate(self.names)}

    def __getitem__(self, name: str) -> Tensor:
        tensor = getattr(self, self._places[name])
        assert isinstance(tensor, Tensor)
        return tensor


class Taps(nn.Module):
    """An embedder read after several of its layers in one forward pass."""

    def __init__(self, embedder: Embedder) -> None:
        super().__init__()
        self.embedder = embedder

    def forward(self, ids_BT: Tensor, mask_BT: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """Pooled vectors after each of ``layers``, each ``(B, D)``."""
        states = self.embedder.layer_states(ids_BT, mask_BT)
        return [self.embedder.pool(states[layer - 1], mask_BT) for layer in layers]


def task_vector(base: Embedder, model: Embedder, place: object) -> Weights:
    """``V = theta - theta_0`` for every parameter.

    Raises:
        InputError: if the two differ in parameters, shapes or vocabulary.
    """
    theta, theta_0 = dict(model.named_parameters()), dict(base.named_parameters())
    shapes = {name: tuple(value.shape) for name, value in theta.items()}
    if shapes != {name: tuple(value.shape) for name, value in theta_0.items()}:
        raise InputError(f"{place} has other parameters than the base", expected="one architecture")
    if model.tokenizer.get_vocab() != base.tokenizer.get_vocab():
        raise InputError(f"{place} has another vocabulary than the base", expected="one tokenizer")
    return {name: (theta[name] - theta_0[name]).detach() for name in theta_0}


def gram(tensors: Sequence[Tensor]) -> Tensor:
    """Inner products of flattened tensors, ``(N, N)``, summed in float64."""
    flat_NP = torch.stack([tensor.reshape(-1).double() for tensor in tensors])
    return flat_NP @ flat_NP.T


def check_starts(start: Start, pipeline: str) -> None:
    """Compare the start that each parent's lineage records with the base's weights.

    A parent without recorded lineage was made elsewhere and is taken on trust.

    Raises:
        InputError: if a parent was trained from other weights.
    """
    assert start.base is not None
    allowed = {weights_digest(start.base)}
    for parent in start.parents:
        recorded = [entry.get("sha256", "") for entry in read_lineage(parent).parents]
        if recorded and recorded[0] not in allowed:
            raise InputError(
                f"{parent} was not trained from the base {start.base}",
                expected="models of one start; for a chain of models set `pipeline: iterative`",
            )
        if pipeline == "iterative":
            allowed.add(weights_digest(parent))


def gradient_conflict(search: SelfPositioning, batch: Batch) -> dict[str, float]:
    """Cosine between the tasks' gradients of all parameters, at the current position.

    Below zero the tasks pull against each other, which is the premise of the paper. Costs one backward
    pass a task, so it is taken once, on the first batch.
    """
    if "source" not in batch:
        return {}
    with torch.no_grad():
        theta = search.position(search.mix_weights())
    gradients = {}
    for source in batch["source"].unique().tolist():
        leaves = {name: value.clone().requires_grad_() for name, value in theta.items()}
        loss = search.contrastive(leaves, of_source(batch, source), gather=False)
        parts = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
        gradients[source] = torch.cat([part.reshape(-1) for part in parts if part is not None])
    return {
        f"gradient_cosine/{i}-{j}": float(
            nn.functional.cosine_similarity(gradients[i], gradients[j], dim=0)
        )
        for i in gradients
        for j in gradients
        if i < j
    }


def of_source(batch: Batch, source: int) -> Batch:
    """The rows of a batch that came from one corpus."""
    mine_B = batch["source"] == source
    mine_C = mine_B.repeat_interleave(len(batch["candidate_ids"]) // len(mine_B))
    return {key: value[mine_C if key.startswith("candidate") else mine_B] for key, value in batch.items()}
