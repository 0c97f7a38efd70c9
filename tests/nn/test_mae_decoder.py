import pytest
import torch
from torch import nn
from transformers import DistilBertConfig, DistilBertModel, T5Config, T5EncoderModel

from embedworks.errors import InputError
from embedworks.nn.encoder import layer_stack
from embedworks.nn.mae_decoder import MaeDecoder, decoder_inputs
from helpers.tiny import tiny_model


def test_it_is_a_copy_of_the_first_layer() -> None:
    encoder = tiny_model(layers=2).encoder
    decoder, first = MaeDecoder(encoder), layer_stack(encoder)[0]
    for mine, theirs in zip(decoder.layer.parameters(), first.parameters(), strict=True):
        assert torch.equal(mine, theirs)
        assert mine is not theirs


def test_position_zero_is_replaced_and_padding_is_not_seen() -> None:
    encoder = tiny_model(layers=2).encoder
    decoder, z = MaeDecoder(encoder).eval(), torch.randn(2, 32)
    ids = torch.tensor([[2, 30, 31, 3], [2, 30, 3, 0]])
    mask = (ids != 0).long()
    states = decoder(z, *decoder_inputs(encoder, ids, mask))
    other_ids = ids.clone()
    other_ids[:, 0] = 9  # z stands there
    other_ids[1, 3] = 50  # padding
    others = decoder(z, *decoder_inputs(encoder, other_ids, mask))
    assert torch.allclose(states[mask.bool()], others[mask.bool()], atol=1e-6)
    assert not torch.allclose(decoder(z + 1, *decoder_inputs(encoder, ids, mask)), states)


def test_it_is_the_encoder_where_z_is_the_first_embedding() -> None:
    encoder = tiny_model(layers=1).encoder
    ids, mask = torch.tensor([[2, 30, 31, 3]]), torch.ones(1, 4, dtype=torch.long)
    embedded, bias = decoder_inputs(encoder, ids, mask)
    expected = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.allclose(MaeDecoder(encoder).eval()(embedded[:, 0], embedded, bias), expected, atol=1e-5)


def test_distilbert_is_of_the_family() -> None:
    encoder = DistilBertModel(DistilBertConfig(vocab_size=50, dim=16, n_layers=1, n_heads=2, hidden_dim=32))
    embedded, bias = decoder_inputs(encoder, torch.tensor([[2, 3]]), torch.ones(1, 2, dtype=torch.long))
    assert MaeDecoder(encoder)(embedded[:, 0], embedded, bias).shape == (1, 2, 16)


def test_other_architectures_are_refused() -> None:
    encoder: nn.Module = T5EncoderModel(
        T5Config(vocab_size=50, d_model=16, d_ff=32, d_kv=8, num_layers=1, num_heads=2)
    )
    with pytest.raises(InputError, match="T5EncoderModel"):
        MaeDecoder(encoder)  # type: ignore[arg-type]
