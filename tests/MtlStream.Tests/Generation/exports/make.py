"""Makes the folders beside this file: `python3 make.py` (needs `torch` and `onnx`).

Tiny models of random weights, one of each architecture, laid out and named as Hugging Face's Optimum exports them. `t5` and `marian`
have one merged decoder, `bart` has two. `reference.json` is what PyTorch makes of a few texts, step by step and without a cache.
"""

import json
import math
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper
from torch import nn

HERE = Path(__file__).parent
WIDTH, HEADS, LAYERS, INNER, LONGEST = 16, 2, 2, 32, 64
SIZE = WIDTH // HEADS
LETTERS = "abcdefghijklmnopqrstuvwxyz.,"
TEXTS = ["a b", "the cat sat on the mat.", "hello, world", "zebras quiz the vexed fox jumping by.", "o", "one two three four five six"]


class Attention(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(4))
        self.scale = SIZE**-0.5 if scale else 1.0

    def split(self, x):
        return x.reshape(x.shape[0], -1, HEADS, SIZE).transpose(1, 2)

    def keys(self, x):
        return self.split(self.k(x)), self.split(self.v(x))

    def forward(self, x, keys, bias):
        scores = self.split(self.q(x)) * self.scale @ keys[0].transpose(-1, -2) + bias
        mixed = torch.softmax(scores, -1) @ keys[1]
        return self.o(mixed.transpose(1, 2).reshape(x.shape[0], -1, WIDTH))


class Norm(nn.Module):
    """T5's: no mean is taken off."""

    def forward(self, x):
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6)


class Layer(nn.Module):
    def __init__(self, kind, decodes):
        super().__init__()
        self.first = kind == "t5"  # norms come before what they norm
        self.own, self.other = Attention(not self.first), Attention(not self.first) if decodes else None
        self.up, self.down = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.norms = nn.ModuleList(Norm() if self.first else nn.LayerNorm(WIDTH) for _ in range(3))
        self.act = {"t5": torch.relu, "bart": nn.functional.gelu, "marian": nn.functional.silu}[kind]

    def add(self, x, norm, part):
        return x + part(norm(x)) if self.first else norm(x + part(x))

    def forward(self, x, bias, past=None, keys=None, mask=None):
        """`past`: of the layer itself; `keys`: of the source."""
        grown = []

        def own(y):
            found = self.own.keys(y)
            if past is not None:
                found = tuple(torch.cat(pair, 2) for pair in zip(past, found))
            grown.extend(found)
            return self.own(y, found, bias)

        x = self.add(x, self.norms[0], own)
        if self.other is not None:
            x = self.add(x, self.norms[1], lambda y: self.other(y, keys, mask))
        return self.add(x, self.norms[2], lambda y: self.down(self.act(self.up(y)))), grown


class Model(nn.Module):
    def __init__(self, kind, vocabulary, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.kind, self.vocabulary = kind, vocabulary
        self.words = nn.Embedding(vocabulary, WIDTH)
        self.encoder = nn.ModuleList(Layer(kind, False) for _ in range(LAYERS))
        self.decoder = nn.ModuleList(Layer(kind, True) for _ in range(LAYERS))
        self.bias = nn.Parameter(torch.randn(2, HEADS, 2 * LONGEST + 1))
        self.places = nn.Parameter(torch.randn(LONGEST + 2, WIDTH))
        self.output = nn.Parameter(torch.randn(vocabulary) * 0.1)
        self.head = nn.Parameter(torch.randn(vocabulary, WIDTH) * 0.7)  # not the embeddings: tiny models would say one word for ever
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if weight.dim() == 2 and not any(n in name for n in ("words", "places", "head")):
                    weight.mul_(1.8)
        if kind == "marian":
            at = torch.arange(LONGEST + 2)[:, None] / 10000 ** (torch.arange(0, WIDTH, 2) / WIDTH)
            self.places = nn.Parameter(torch.cat([at.sin(), at.cos()], -1))

    def embed(self, ids, start):
        x = self.words(ids)
        if self.kind == "t5":
            return x
        offset = 2 if self.kind == "bart" else 0
        at = torch.arange(ids.shape[1]) + start + offset
        return x * (math.sqrt(WIDTH) if self.kind == "marian" else 1.0) + self.places[at]

    def relative(self, side, queries, length, start):
        if self.kind != "t5":
            return torch.zeros(1, 1, 1, 1)
        distance = torch.arange(length)[None, :] - (torch.arange(queries) + start)[:, None]
        return self.bias[side][:, distance.clamp(-LONGEST, LONGEST) + LONGEST][None]

    def encode(self, ids, mask):
        x = self.embed(ids, 0)
        bias = self.relative(0, ids.shape[1], ids.shape[1], 0) + hidden_where(mask)
        for layer in self.encoder:
            x, _ = layer(x, bias)
        return x

    def decode(self, ids, mask, hidden=None, pasts=None):
        """`pasts`: of each layer own key, own value, source's key, source's value."""
        start = 0 if pasts is None else pasts[0].shape[2]
        length = ids.shape[1] + start
        ahead = torch.arange(length)[None, :] > (torch.arange(ids.shape[1]) + start)[:, None]
        bias = self.relative(1, ids.shape[1], length, start) + ahead[None, None] * -1e9
        x, grown = self.embed(ids, start), []
        for i, layer in enumerate(self.decoder):
            own, keys = (None, layer.other.keys(hidden)) if pasts is None else (pasts[4 * i : 4 * i + 2], pasts[4 * i + 2 : 4 * i + 4])
            x, made = layer(x, bias, own, keys, hidden_where(mask))
            grown += [*made, *(keys if pasts is None else ())]
        if self.kind == "t5":
            x = Norm()(x) * WIDTH**-0.5 * 4
        return x @ self.head.T + self.output, grown


def hidden_where(mask):
    return (1.0 - mask[:, None, None, :].float()) * -1e9


class Part(nn.Module):
    def __init__(self, model, call):
        super().__init__()
        self.model, self.call = model, call

    def forward(self, *inputs):
        return self.call(*inputs)


def names(prefix, sides=("decoder", "encoder")):
    return [f"{prefix}.{i}.{side}.{what}" for i in range(LAYERS) for side in sides for what in ("key", "value")]


def export(model, path, call, inputs, outputs, values):
    axes = {}
    for name in [*inputs, *outputs]:
        second = "length_" + name.replace(".", "_")
        axes[name] = {0: "batch_size", 2: second} if "." in name else {0: "batch_size", 1: second}
    if "encoder_hidden_states" in axes:
        axes["encoder_hidden_states"] = {0: "batch_size", 1: "encoder_sequence_length"}
    torch.onnx.export(Part(model, call), tuple(values), str(path), input_names=inputs, output_names=outputs, dynamic_axes=axes, opset_version=14)


def merge(first, second, path):
    """One graph for the first token and the others, as Optimum merges them: what the second does not give is empty there."""
    given = [o.name for o in first.graph.output]
    for missing in [n for n in given if n not in {o.name for o in second.graph.output}]:
        second.graph.initializer.append(helper.make_tensor(missing + ".shape", TensorProto.INT64, [4], [0, HEADS, 1, SIZE]))
        second.graph.node.append(helper.make_node("ConstantOfShape", [missing + ".shape"], [missing]))
        second.graph.output.append(helper.make_tensor_value_info(missing, TensorProto.FLOAT, [None, HEADS, None, SIZE]))
    branches = []
    for prefix, part in (("cached/", second), ("plain/", first)):
        keep = {i.name for i in [*first.graph.input, *second.graph.input]}
        for node in part.graph.node:
            node.input[:] = [n if n in keep or not n else prefix + n for n in node.input]
            node.output[:] = [prefix + n for n in node.output]
        for tensor in part.graph.initializer:
            tensor.name = prefix + tensor.name
        outputs = {o.name: o for o in part.graph.output}
        ordered = [helper.make_tensor_value_info(prefix + n, TensorProto.FLOAT, [None] * len(outputs[n].type.tensor_type.shape.dim)) for n in given]
        branches.append(helper.make_graph(part.graph.node, prefix.strip("/"), [], ordered, part.graph.initializer))
    node = helper.make_node("If", ["use_cache_branch"], given, then_branch=branches[0], else_branch=branches[1])
    inputs = {i.name: i for i in [*first.graph.input, *second.graph.input]}
    inputs["encoder_hidden_states"] = first.graph.input[2]
    graph = helper.make_graph([node], "merged", [*inputs.values(), helper.make_tensor_value_info("use_cache_branch", TensorProto.BOOL, [1])], list(first.graph.output))
    onnx.save(helper.make_model(graph, opset_imports=first.opset_import, ir_version=first.ir_version), path)


def graphs(model, folder, merged):
    ids, mask, hidden = torch.ones(2, 3, dtype=torch.long), torch.ones(2, 3, dtype=torch.long), torch.randn(2, 3, WIDTH)
    pasts = [torch.randn(2, HEADS, 4 if (i // 2) % 2 == 0 else 3, SIZE) for i in range(4 * LAYERS)]
    export(model, folder / "encoder_model.onnx", model.encode, ["input_ids", "attention_mask"], ["last_hidden_state"], [ids, mask])
    first, second = folder / "decoder_model.onnx", folder / "decoder_with_past_model.onnx"

    def plain(i, m, h):
        logits, grown = model.decode(i, m, h)
        return (logits, *grown)

    def cached(i, m, *p):
        logits, grown = model.decode(i, m, pasts=list(p))
        return (logits, *grown)

    export(model, first, plain, ["input_ids", "encoder_attention_mask", "encoder_hidden_states"], ["logits", *names("present")], [ids, mask, hidden])
    export(model, second, cached, ["input_ids", "encoder_attention_mask", *names("past_key_values")],
           ["logits", *names("present", ("decoder",))], [ids[:, :1], mask, *pasts])
    if merged:
        merge(onnx.load(first), onnx.load(second), folder / "decoder_model_merged.onnx")
        first.unlink()
        second.unlink()


def greedy(model, source, rules):
    hidden, mask = model.encode(source, torch.ones_like(source)), torch.ones_like(source)
    tokens, total = [rules["start"]], 0.0
    while len(tokens) <= rules["limit"]:
        scores = torch.log_softmax(model.decode(torch.tensor([tokens]), mask, hidden)[0][0, -1], -1)
        for token in rules["banned"]:
            scores[token] = -math.inf
        best = int(scores.argmax())
        if len(tokens) == 1 and rules["first"] is not None:
            best = rules["first"]
        else:
            total += float(scores[best])
        if best == rules["end"]:
            return tokens[1:], math.exp(total / len(tokens)), False
        tokens.append(best)
    return tokens[1:], math.exp(total / (len(tokens) - 1)), True


def beams(model, source, rules, width):
    hidden, mask = model.encode(source, torch.ones_like(source)), torch.ones_like(source)
    opened, ended = [([rules["start"]], 0.0)], []
    for length in range(1, rules["limit"] + 1):
        candidates = []
        for tokens, total in opened:
            scores = torch.log_softmax(model.decode(torch.tensor([tokens]), mask, hidden)[0][0, -1], -1)
            for token in rules["banned"]:
                scores[token] = -math.inf
            if length == 1 and rules["first"] is not None:
                scores[:] = -math.inf
                scores[rules["first"]] = 0.0
            candidates += [(total + float(s), tokens, t) for t, s in enumerate(scores) if s > -math.inf]
        candidates = sorted(candidates, key=lambda c: -c[0])[: 2 * width]
        opened = []
        for rank, (total, tokens, token) in enumerate(candidates):
            if len(opened) == width:
                break
            if token != rules["end"]:
                opened.append(([*tokens, token], total))
            elif rank < width:
                ended.append((total / length, tokens[1:]))
        ended = sorted(ended, key=lambda e: -e[0])[:width]
        if len(ended) == width and ended[-1][0] >= candidates[0][0] / length:
            return ended[0][1]
    ended += [(total / (len(tokens) - 1), tokens[1:]) for tokens, total in opened]
    return max(ended, key=lambda e: e[0])[1]


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def sentencepiece(pieces):
    """A `.model` file: pieces are text and kind (1 normal, 2 unknown, 3 control), all equally likely."""
    import struct

    data = b""
    for text, kind in pieces:
        body = b"\x0a" + varint(len(text.encode())) + text.encode() + b"\x15" + struct.pack("<f", -2.0) + b"\x18" + varint(kind)
        data += b"\x0a" + varint(len(body)) + body
    return data + b"\x12\x02\x18\x01" + b"\x1a\x06\x18\x01\x20\x01\x28\x01"


def dump(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def write(kind, model, folder, source_ids, rules):
    found = []
    with torch.no_grad():
        for text in TEXTS:
            source = torch.tensor([source_ids(text)])
            ids, score, open_end = greedy(model, source, rules)
            found.append({"text": text, "source": source[0].tolist(), "greedy": ids, "score": score, "open": open_end,
                          "beams": beams(model, source, rules, 3)})
    dump(folder / "reference.json", found)
    for one in found:
        print(kind, one)
    graphs(model, folder, merged=kind != "bart")


def spelled(text):
    return ["\u2581" if c == " " else c for c in " " + text]


def t5():
    folder = HERE / "t5"
    folder.mkdir(exist_ok=True)
    pieces = ["<pad>", "</s>", "<unk>", "\u2581", *LETTERS]
    (folder / "spiece.model").write_bytes(sentencepiece([(p, {0: 3, 1: 3, 2: 2}.get(i, 1)) for i, p in enumerate(pieces)]))
    config = {"model_type": "t5", "is_encoder_decoder": True, "d_model": WIDTH, "num_heads": HEADS, "d_kv": SIZE, "vocab_size": len(pieces) + 4,
              "decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0, "n_positions": 512}
    dump(folder / "config.json", config)
    dump(folder / "generation_config.json", {"decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0, "max_length": 16})
    model = Model("t5", len(pieces) + 4, 26).eval()
    write("t5", model, folder, lambda text: [pieces.index(p) for p in spelled(text)] + [1],
          {"start": 0, "end": 1, "banned": [], "first": None, "limit": 15})


def marian():
    folder = HERE / "marian"
    folder.mkdir(exist_ok=True)
    pieces = ["<unk>", "<s>", "</s>", "\u2581", *LETTERS]
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes(sentencepiece([(p, {0: 2, 1: 3, 2: 3}.get(i, 1)) for i, p in enumerate(pieces)]))
    vocabulary = {p: i for i, p in enumerate(["</s>", "<unk>", *reversed(LETTERS), "\u2581", "<pad>"])}
    dump(folder / "vocab.json", vocabulary)
    pad = vocabulary["<pad>"]
    dump(folder / "config.json", {"model_type": "marian", "is_encoder_decoder": True, "d_model": WIDTH, "decoder_attention_heads": HEADS,
                                  "vocab_size": len(vocabulary), "max_position_embeddings": LONGEST})
    dump(folder / "generation_config.json", {"decoder_start_token_id": pad, "eos_token_id": 0, "pad_token_id": pad, "bad_words_ids": [[pad]],
                                             "max_length": 16, "num_beams": 3})
    model = Model("marian", len(vocabulary), 12).eval()
    write("marian", model, folder, lambda text: [vocabulary[p] for p in spelled(text)] + [0],
          {"start": pad, "end": 0, "banned": [pad], "first": None, "limit": 15})


def bart():
    folder = HERE / "bart"
    folder.mkdir(exist_ok=True)
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    characters = [chr(b) for b in printable] + [chr(0x100 + i) for i in range(256 - len(printable))]
    merges = [["t", "h"], ["th", "e"], ["\u0120", "the"]]
    vocabulary = {t: i for i, t in enumerate(["<s>", "<pad>", "</s>", "<unk>", *characters, "th", "the", "\u0120the", "<mask>"])}
    dump(folder / "tokenizer.json", {
        "version": "1.0", "added_tokens": [{"id": vocabulary[t], "content": t, "special": True} for t in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False}, "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges}})
    dump(folder / "config.json", {"model_type": "bart", "is_encoder_decoder": True, "d_model": WIDTH, "decoder_attention_heads": HEADS,
                                  "vocab_size": len(vocabulary), "max_position_embeddings": LONGEST, "bos_token_id": 0, "eos_token_id": 2,
                                  "pad_token_id": 1, "decoder_start_token_id": 2, "forced_bos_token_id": 0})
    dump(folder / "generation_config.json", {"bos_token_id": 0, "decoder_start_token_id": 2, "eos_token_id": 2, "pad_token_id": 1,
                                             "forced_bos_token_id": 0, "max_length": 16})

    def source_ids(text):
        spelling = text.replace(" ", "\u0120").replace("\u0120the", "\n").replace("the", "\t").replace("th", "\r")
        names = {"\n": "\u0120the", "\t": "the", "\r": "th"}
        return [0] + [vocabulary[names.get(c, c)] for c in spelling] + [2]

    model = Model("bart", len(vocabulary), 13).eval()
    write("bart", model, folder, source_ids, {"start": 2, "end": 2, "banned": [], "first": 0, "limit": 15})


if __name__ == "__main__":
    t5()
    marian()
    bart()
