"""Avro and Protobuf by the reference implementations of Python: writes events, and reads the answers to them.

usage: registry-interop.py write PROTOC | registry-interop.py read PROTOC
write prints a JSON line for each event; read takes lines with the schema of the answer and the answer, and prints what is in it.
"""
import base64
import decimal
import io
import json
import os
import subprocess
import sys
import tempfile

import avro.io
import avro.schema
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

REVIEW = {
    "type": "record", "name": "Review", "namespace": "shop", "fields": [
        {"name": "id", "type": "long"},
        {"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}], "default": None},
        {"name": "stars", "type": {"type": "enum", "name": "Stars", "symbols": ["ONE", "TWO"]}},
        {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 4}},
        {"name": "flags", "type": {"type": "map", "values": "boolean"}},
        {"name": "body", "type": ["null", {"type": "record", "name": "Body", "fields": [
            {"name": "text", "type": "string"}, {"name": "rates", "type": {"type": "array", "items": "double"}}]}]},
    ]}
NODE = {"type": "record", "name": "Node", "fields": [
    {"name": "body", "type": {"type": "record", "name": "Body", "fields": [{"name": "text", "type": "string"}]}},
    {"name": "next", "type": ["null", "Node"], "default": None}]}
PROTO3 = """syntax = "proto3";
package shop;
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/field_mask.proto";
message Review {
  int64 id = 1;
  Body body = 2;
  repeated sint32 numbers = 3;
  map<string, string> tags = 4;
  oneof price { double euros = 5; string other = 6; }
  google.protobuf.Struct more = 7;
  google.protobuf.Timestamp written_at = 8;
  google.protobuf.Duration took = 9;
  google.protobuf.Int64Value count = 10;
  google.protobuf.StringValue note = 11;
  google.protobuf.FieldMask mask = 12;
  repeated google.protobuf.Value any = 13;
  map<int64, google.protobuf.Timestamp> times = 14;
  google.protobuf.BoolValue flag = 15;
  map<bool, google.protobuf.Value> choices = 16;
  repeated google.protobuf.Duration pauses = 17;
  bytes raw = 18;
  fixed64 wide = 19;
  float ratio = 20;
  message Body { string text = 1; }
}
"""
PROTO2 = """syntax = "proto2";
message Review {
  optional Body body = 1;
  repeated group Line = 2 { optional string name = 3; }
  message Body { required string text = 1; }
}
"""


def avro_bytes(schema, value):
    output = io.BytesIO()
    avro.io.DatumWriter(avro.schema.parse(json.dumps(schema))).write(value, avro.io.BinaryEncoder(output))
    return output.getvalue()


def avro_value(written, read, value):
    source = io.BytesIO(value)
    result = avro.io.DatumReader(avro.schema.parse(written), avro.schema.parse(read)).read(avro.io.BinaryDecoder(source))
    assert source.read() == b"", "bytes are left"
    return result


def proto_class(protoc, text, name):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "schema.proto"), "w", encoding="utf-8") as file:
            file.write(text)
        include = os.environ.get("PROTOBUF_INCLUDE")
        paths = [f"-I{folder}"] + ([f"-I{include}"] if include else [])
        compiled = os.path.join(folder, "schema.bin")
        subprocess.run([protoc, *paths, "--include_imports", f"--descriptor_set_out={compiled}", "schema.proto"], check=True)
        with open(compiled, "rb") as file:
            files = descriptor_pb2.FileDescriptorSet.FromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for one in files.file:
        pool.Add(one)
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName(name))


def write(protoc):
    body = {"text": "Grüße aus Köln ☀", "rates": [0.5, 1.5]}
    review = {"id": -7, "price": decimal.Decimal("1.50"), "stars": "TWO", "hash": b"abcd", "flags": {"new": True}, "body": body}
    emit("Avro", json.dumps(REVIEW), avro_bytes(REVIEW, review), "")
    inner = {"body": {"text": "inner"}, "next": None}
    emit("Avro", json.dumps(NODE), avro_bytes(NODE, {"body": {"text": "Grüße aus Köln ☀"}, "next": inner}), "")
    message = proto_class(protoc, PROTO3, "shop.Review")()
    json_format.ParseDict({
        "id": "5", "body": {"text": "Grüße aus Köln ☀"}, "numbers": [-1, 300], "tags": {"lang": "de"}, "euros": 1.5, "more": {"a": [1, "b", {}, None]},
        "writtenAt": "2026-01-05T06:07:08.120Z", "took": "-1.000001500s", "count": "0", "note": "", "mask": "fooBar.baz,other", "flag": True,
        "any": [None, 1.5, "x", True, {"a": [[]]}], "times": {"-3": "1969-12-31T23:59:57Z"}, "choices": {"true": None, "false": "no"},
        "pauses": ["0s", "3s"], "raw": "/wA=", "wide": "18446744073709551615", "ratio": 0.5}, message)
    emit("Protobuf", PROTO3, b"\0" + message.SerializeToString(), "shop.Review", json_format.MessageToDict(message))
    message = proto_class(protoc, PROTO2, "Review")()
    message.body.text = "Grüße aus Köln ☀"
    message.line.add().name = "one"
    emit("Protobuf", PROTO2, b"\0" + message.SerializeToString(), "Review", json_format.MessageToDict(message))


def emit(kind, schema, value, name, as_json=None):
    print(json.dumps({"kind": kind, "schema": schema, "value": base64.b64encode(value).decode(), "name": name, "json": as_json}))


def read(protoc):
    for line in sys.stdin:
        given = json.loads(line)
        value = base64.b64decode(given["value"])
        if given["kind"] == "Avro":
            new = avro_value(given["answers"], given["answers"], value)
            old = avro_value(given["answers"], given["schema"], value)
            first = avro_value(given["schema"], given["answers"], base64.b64decode(given["event"]))
            tasks = new["analysis"]["tasks"]
            spans = [[s["start"], s["end"], s["text"]] for s in (tasks.get("entities") or {}).get("spans", [])]
            silent = (tasks.get("intent") or {}).get("label")
            assert first["analysis"] is None and {k: v for k, v in new.items() if k != "analysis" and k != "next"} == {k: v for k, v in old.items() if k != "next"}
            result = {"text": new["body"]["text"], "old": old["body"]["text"], "label": tasks["sentiment"]["label"],
                      "inner": (new.get("next") or {}).get("analysis"), "spans": spans, "intent": silent}
        else:
            new = proto_class(protoc, given["answers"], given["name"]).FromString(value[1:])
            old = proto_class(protoc, given["schema"], given["name"]).FromString(value[1:])
            first = proto_class(protoc, given["answers"], given["name"]).FromString(base64.b64decode(given["event"])[1:])
            assert not first.HasField("analysis")
            tasks = new.analysis.tasks
            spans = [[s.start, s.end, s.text] for s in (tasks.entities.spans if hasattr(tasks, "entities") else [])]
            silent = tasks.intent.label if hasattr(tasks, "intent") and tasks.intent.HasField("label") else None
            result = {"text": new.body.text, "old": old.body.text, "label": tasks.sentiment.label, "inner": None, "spans": spans, "intent": silent}
        print(json.dumps(result, ensure_ascii=False))


{"write": write, "read": read}[sys.argv[1]](sys.argv[2])
