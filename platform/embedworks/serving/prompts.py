"""What a request wants in front of its texts: a prompt of the model, or an instruction of its own.

A model that was trained with instructions knows how one is written, and that documents have none: then an
instruction may come with an ``input_type``, and is left out for documents. Any other model has it put in
front of the text as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from embedworks.errors import nearest
from embedworks.nn.instructions import Instructions
from embedworks.serving.refusals import ECHOED, ApiError, shown
from embedworks.task import EmbeddingRequest
from embedworks.transforms.templates import is_template

# The names that sentence-transformers' encode_query and encode_document look for, in their order.
OF_INPUT_TYPE = {"query": ("query",), "document": ("document", "passage", "corpus")}
FIELDS = ("prompt_name", "input_type", "instruction")


def choose_prompt(
    request: EmbeddingRequest, prompts: Mapping[str, str], template: Instructions | None = None
) -> str:
    """The text to put in front, empty for none. An ``input_type`` that the model has no prompt for is none.

    Args:
        request: What is asked.
        prompts: The model's own, by name.
        template: How the model wants instructions; None: as they are.

    Raises:
        ApiError: 400 for an unknown prompt, for more than one of prompt, type and instruction, or for an
            instruction with a place for the text: templates are the model's own.
    """
    given = [field for field in FIELDS if getattr(request, field) is not None]
    if not given:
        return ""
    if request.instruction is not None and is_template(request.instruction):
        message = "an instruction is put in front of a text; expected none of {text} and {sentence} in it"
        raise ApiError(400, message, param="instruction")
    if template is not None and request.instruction is not None and "prompt_name" not in given:
        return "" if request.input_type == "document" else template.prompt(request.instruction)
    if len(given) > 1:
        raise ApiError(400, f"expected only one of {' and '.join(given)}", param=given[1])
    if request.instruction is not None:
        return request.instruction
    if request.input_type is not None:
        names = (name for name in OF_INPUT_TYPE[request.input_type] if name in prompts)
        return next((prompts[name] for name in names), "")
    return _named(str(request.prompt_name), prompts)


def _named(name: str, prompts: Mapping[str, str]) -> str:
    if name not in prompts:
        hint = nearest(name[:ECHOED], prompts)
        expected = f"did you mean {hint!r}?" if hint else f"expected one of {sorted(prompts)}"
        message = f"the model has no prompt {shown(name)}; {expected}"
        raise ApiError(400, message, param="prompt_name")
    return prompts[name]
