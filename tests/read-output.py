"""Reads enriched events and dead letters, one JSON object a line, with Python's standard library alone.

Checks what a consumer in any language relies on: plain JSON, offsets in UTF-16 units, payloads in base64. Prints what it found.
"""

import base64
import json
import sys

found = {"events": 0, "entries": 0, "deadLetters": 0}
for line in sys.stdin.buffer:
    record = json.loads(line)
    if record.get("schema") == "dead-letter.v1":
        assert record["reason"] and record["message"], record
        base64.b64decode(record["payload"], validate=True)
        found["deadLetters"] += 1
        continue
    analysis = record["analysis"]
    assert analysis["schema"] == "enriched-event.v1" and analysis["offsets"] == "utf16" and analysis["model"]["version"], analysis
    # Half a surrogate pair counts as U+FFFD.
    text = record["text"].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    units = text.encode("utf-16-le")
    for name, task in analysis["tasks"].items():
        assert len({"label", "labels", "spans", "tags"} & set(task)) == 1, (name, task)
        for entry in task.get("spans", []) + task.get("tags", []):
            about = units[2 * entry["start"]:2 * entry["end"]].decode("utf-16-le")
            assert about.strip() and entry.get("text", about) == about, (about, entry)
            assert 0 <= entry["score"] <= 1, entry
            found["entries"] += 1
    found["events"] += 1
print(json.dumps(found))
