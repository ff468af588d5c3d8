#!/usr/bin/env python3
"""Writes the Grafana dashboards: dashboards.py writes dashboards/*.json, dashboards.py --check fails when they are not what it would write.

A panel is one line below: title, unit, queries (expression and legend), and the section of docs/ (operations, metrics, runbooks, security) that says what to do.
Those sections become the dashboard "What to do", which panels link to.
"""
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
RUNBOOKS = "mtlstream-runbooks"
JOB = 'job=~"$job"'
RATE = "[$__rate_interval]"


def rate(name, by="", where="", otherwise=False):
    inner = f'{name}{{{JOB}{", " + where if where else ""}}}'
    expression = f'sum{f" by ({by})" if by else ""} (rate({inner}{RATE}))'
    return f"{expression} or {zero(by)}" if otherwise else expression


def zero(by=""):
    """A line at zero where nothing has happened yet, named so that the legend is not empty."""
    return f'label_replace(vector(0), "{by.split(", ")[-1]}", "none", "", "")' if by else "vector(0)"


def quantile(q, name, by="", where=""):
    labels = f"le, {by}" if by else "le"
    return f'histogram_quantile({q}, {rate(name + "_bucket", labels, where)})'


def mean(name, by=""):
    return f'{rate(name + "_sum", by)} / {rate(name + "_count", by)}'


def gauge(name, by="", how="sum", where=""):
    return f'{how}{f" by ({by})" if by else ""} ({name}{{{JOB}{", " + where if where else ""}}})'


LAG = gauge("mtlstream_consumer_lag", "messaging_destination_name, messaging_destination_partition_id", "max")
P = "messaging_process_duration_seconds"
TASK = 'mtlstream_task="$task"'

OVERVIEW = [
    ("Is it healthy?", [
        ("Workers", "none", [(gauge("mtlstream_model_serving"), "workers")], "mtlstreamnoworker", "stat"),
        ("Events per second", "ops", [(rate(P + "_count"), "answered")], "mtlstreamstalled", "stat"),
        ("Events waiting", "short", [(f"sum({LAG})", "lag")], "mtlstreamfallingbehind", "stat"),
        ("p99, received to answered", "s", [(quantile(0.99, P), "p99")], "mtlstreamslow", "stat"),
        ("Rejected", "percentunit", [(f'({rate("mtlstream_events_rejected_total")} or vector(0)) / {rate(P + "_count")}', "share")], "mtlstreamrejecting", "stat"),
        ("Serving", "none", [(gauge("mtlstream_model_serving", "mtlstream_model_name, mtlstream_model_version, mtlstream_model_device"),
                              "{{mtlstream_model_name}} {{mtlstream_model_version}} on {{mtlstream_model_device}}")], "mtlstreammixedversions", "stat"),
    ]),
    ("Flow", [
        ("In and out", "ops", [(rate("messaging_client_consumed_messages_total"), "read"), (rate("mtlstream_events_published_total"), "published"),
                               (rate("mtlstream_events_rejected_total", otherwise=True), "rejected")], "mtlstreamstalled"),
        ("Latency, received to answered", "s", [(quantile(q, P), f"p{q * 100:g}") for q in (0.5, 0.95, 0.99)], "mtlstreamslow"),
        ("Latency, event's own time to durable result", "s", [(quantile(q, "mtlstream_event_latency_seconds"), f"p{q * 100:g}") for q in (0.5, 0.99)], "mtlstreamslow"),
        ("Rejected by reason", "ops", [(rate("mtlstream_events_rejected_total", "error_type"), "{{error_type}}")], "mtlstreamrejecting"),
    ]),
    ("Where the time goes", [
        ("Busy share of each stage (1 = one thread, all the time)", "percentunit", [(rate("mtlstream_stage_duration_seconds_sum", "mtlstream_stage"), "{{mtlstream_stage}}")], "tuning-by-symptom"),
        ("How full the channels are", "percentunit", [(f'{gauge("mtlstream_lane_length", "mtlstream_lane")} / {gauge("mtlstream_lane_capacity", "mtlstream_lane")}', "{{mtlstream_lane}}")], "tuning-by-symptom"),
        ("Time in the model by width, p50", "s", [(quantile(0.5, "mtlstream_inference_duration_seconds", "mtlstream_batch_columns"), "{{mtlstream_batch_columns}} tokens")], "tuning-by-symptom"),
        ("Rows per batch, mean", "none", [(mean("mtlstream_batch_rows"), "rows")], "tuning-by-symptom"),
        ("Why batches are closed", "ops", [(rate("mtlstream_batch_rows_count", "mtlstream_batch_trigger"), "{{mtlstream_batch_trigger}}")], "tuning-by-symptom"),
        ("Padding", "percentunit", [(mean("mtlstream_batch_padding"), "share of the batch")], "tuning-by-symptom"),
        ("Tokens per second", "short", [(rate("mtlstream_batch_tokens_sum"), "tokens")], "sizing"),
        ("Batches split", "ops", [(rate("mtlstream_batches_split_total", otherwise=True), "split")], "mtlstreamoutofmemory"),
    ]),
    ("Process", [
        ("Processor time", "none", [(f'sum by (instance) (rate(dotnet_process_cpu_time_seconds_total{{{JOB}}}{RATE}))', "{{instance}}")], "sizing"),
        ("Memory", "bytes", [(gauge("dotnet_process_memory_working_set_bytes", "instance"), "{{instance}}")], "sizing"),
        ("Collections by generation", "ops", [(rate("dotnet_gc_collections_total", "gc_heap_generation"), "{{gc_heap_generation}}")], "tuning-by-symptom"),
    ]),
    ("Requests over HTTP", [
        ("Texts of requests", "ops", [(rate("mtlstream_http_texts_total", "mtlstream_outcome", otherwise=True), "{{mtlstream_outcome}}")], "mtlstreamrequestsrefused"),
        ("Time of a request, p99", "s", [(quantile(0.99, "http_server_request_duration_seconds", "http_route"), "{{http_route}}")], "mtlstreamrequestsrefused"),
        ("Texts of requests that wait or are worked on", "short", [(gauge("mtlstream_http_waiting", "instance"), "{{instance}}")], "mtlstreamrequestsrefused"),
        ("Workers of the model that requests keep busy", "none", [(rate("mtlstream_http_model_time_seconds_total", "instance"), "{{instance}}")], "mtlstreamrequestsrefused"),
    ]),
]

MODEL = [
    ("Does the model still fit the stream?", [
        ("Drift of labels (0.1 watch, 0.25 act)", "none", [(gauge("mtlstream_task_drift_ratio", "mtlstream_task", "max", 'mtlstream_drift_of="labels"'), "{{mtlstream_task}}")], "mtlstreamdrift"),
        ("Drift of confidence", "none", [(gauge("mtlstream_task_drift_ratio", "mtlstream_task", "max", 'mtlstream_drift_of="confidence"'), "{{mtlstream_task}}")], "mtlstreamdrift"),
        ("Drift of text length", "none", [(gauge("mtlstream_text_drift_ratio", "", "max"), "length")], "mtlstreamdrift"),
        ("Events below the limit of confidence", "percentunit", [(f'{rate("mtlstream_task_low_confidence_total", "mtlstream_task")} / {rate("mtlstream_task_confidence_count", "mtlstream_task")}', "{{mtlstream_task}}")], "mtlstreamunsure"),
        ("Tokens that the vocabulary does not know", "percentunit", [(f'({rate("mtlstream_tokens_unknown_total")} or vector(0)) / {rate("mtlstream_tokens_total")}', "share")], "mtlstreamunknowntokens"),
        ("Tokens per text", "none", [(quantile(q, "mtlstream_text_length"), f"p{q * 100:g}") for q in (0.5, 0.95)], "mtlstreamdrift"),
    ]),
    ("What it says", [
        ("Labels of $task, share", "percentunit", [(f'{rate("mtlstream_task_labels_total", "mtlstream_label", TASK)} / ignoring (mtlstream_label) group_left {rate("mtlstream_task_labels_total", "", TASK)}', "{{mtlstream_label}}")], "mtlstreamdrift"),
        ("Confidence of $task", "short", [(rate("mtlstream_task_confidence_bucket", "le", TASK), "{{le}}")], "mtlstreamunsure", "heatmap"),
        ("Confidence, median", "percentunit", [(quantile(0.5, "mtlstream_task_confidence", "mtlstream_task"), "{{mtlstream_task}}")], "mtlstreamunsure"),
        ("Entropy, mean", "percentunit", [(mean("mtlstream_task_entropy", "mtlstream_task"), "{{mtlstream_task}}")], "mtlstreamunsure"),
    ]),
    ("Is it right, by people's answers?", [
        ("Labels that are right on the stream, with the interval", "percentunit",
         [(gauge("mtlstream_task_quality_ratio", "mtlstream_task, mtlstream_quality_of", "max"), "{{mtlstream_task}} {{mtlstream_quality_of}}")], "mtlstreamquality"),
        ("Answers that this rests on", "none", [(gauge("mtlstream_task_quality_answers", "mtlstream_task", "max"), "{{mtlstream_task}}")], "mtlstreamquality"),
    ]),
    ("Life cycle", [
        ("Workers by version", "none", [(gauge("mtlstream_model_serving", "mtlstream_model_version"), "{{mtlstream_model_version}}")], "mtlstreammixedversions"),
        ("Workers by device", "none", [(gauge("mtlstream_model_serving", "mtlstream_model_device"), "{{mtlstream_model_device}}")], "mtlstreammixeddevices"),
        ("New versions found", "none", [(f'sum by (mtlstream_reload_outcome) (mtlstream_model_reloads_total{{{JOB}}}) or {zero("mtlstream_reload_outcome")}', "{{mtlstream_reload_outcome}}")], "mtlstreammodelrefused"),
        ("Agreement with the shadow model", "percentunit", [(f'{rate("mtlstream_shadow_agreed_total", "mtlstream_task")} / {rate("mtlstream_shadow_compared_total", "mtlstream_task")}', "{{mtlstream_task}}")], "new-model-versions"),
        ("Candidates on a share of the stream", "none", [(f'sum by (mtlstream_canary_outcome) (mtlstream_canary_outcomes_total{{{JOB}}}) or {zero("mtlstream_canary_outcome")}', "{{mtlstream_canary_outcome}}")], "mtlstreamcanaryrolledback"),
        ("Copies for review", "ops", [(rate("mtlstream_events_review_total", otherwise=True), "copies")], "new-model-versions"),
        ("Generated texts", "ops", [(rate("mtlstream_generation_texts_total", "mtlstream_generator, mtlstream_outcome"), "{{mtlstream_generator}} {{mtlstream_outcome}}")], "tuning-by-symptom"),
        ("Truncated texts", "ops", [(rate("mtlstream_events_truncated_total", otherwise=True), "texts")], "tuning-by-symptom"),
    ]),
]

KAFKA = [
    ("Lag", [
        ("Events waiting by topic", "short", [(f"sum by (messaging_destination_name) ({LAG})", "{{messaging_destination_name}}")], "mtlstreamfallingbehind"),
        ("Events waiting by partition", "short", [(LAG, "{{messaging_destination_name}} {{messaging_destination_partition_id}}")], "mtlstreamunevenlag"),
        ("Read and not settled", "short", [(gauge("mtlstream_kafka_in_flight_events", "instance"), "{{instance}}")], "tuning-by-symptom"),
        ("Their bytes", "bytes", [(gauge("mtlstream_kafka_in_flight_size_bytes", "instance"), "{{instance}}")], "tuning-by-symptom"),
    ]),
    ("Traffic", [
        ("Read by topic", "ops", [(rate("messaging_client_consumed_messages_total", "messaging_destination_name"), "{{messaging_destination_name}}")], "mtlstreamstalled"),
        ("Delivered by topic", "ops", [(rate("messaging_client_sent_messages_total", "messaging_destination_name", 'error_type=""'), "{{messaging_destination_name}}")], "mtlstreamcannotsend"),
        ("Not delivered", "ops", [(rate("messaging_client_sent_messages_total", "messaging_destination_name, error_type", 'error_type!=""', otherwise=True), "{{messaging_destination_name}} {{error_type}}")], "mtlstreamcannotsend"),
    ]),
    ("Group", [
        ("Partitions by worker", "none", [(gauge("mtlstream_kafka_assigned_partitions", "instance"), "{{instance}}")], "mtlstreamrebalancing"),
        ("Partitions that changed hands", "none", [(f'sum by (mtlstream_rebalance) (increase(mtlstream_kafka_rebalances_total{{{JOB}}}[$__rate_interval]))', "{{mtlstream_rebalance}}")], "mtlstreamrebalancing"),
        ("Commits", "ops", [(rate("mtlstream_kafka_commits_total", "mtlstream_outcome"), "{{mtlstream_outcome}}")], "mtlstreamcannotcommit"),
        ("Share of time paused", "percentunit", [(rate("mtlstream_kafka_paused_time_seconds_total", "instance", otherwise=True), "{{instance}}")], "tuning-by-symptom"),
        ("Pauses", "ops", [(rate("mtlstream_kafka_pauses_total", otherwise=True), "pauses")], "tuning-by-symptom"),
        ("Read again, clients made anew", "ops", [(rate("mtlstream_kafka_rewinds_total", otherwise=True), "partitions rewound"),
                                                  (rate("mtlstream_kafka_client_rebuilds_total", otherwise=True), "clients rebuilt")], "mtlstreamcannotcommit"),
        ("Schemas waited for", "none", [(gauge("mtlstream_registry_waiting", "instance"), "{{instance}}")], "mtlstreamschemaswaiting"),
        ("Schemas kept", "none", [(gauge("mtlstream_registry_schemas", "instance"), "{{instance}}")], "mtlstreamschemaswaiting"),
        ("Requests to the schema registry", "ops", [(rate("mtlstream_registry_request_duration_seconds_count", "mtlstream_registry_request, mtlstream_outcome"), "{{mtlstream_registry_request}} {{mtlstream_outcome}}")], "mtlstreamschemaswaiting"),
        ("Deleted before they were read", "ops", [(rate("mtlstream_kafka_events_gone_total", "messaging_destination_name"), "{{messaging_destination_name}}")], "mtlstreameventsgone"),
    ]),
]


def variable(name, query, label, multi):
    result = {"name": name, "label": label, "type": "query", "datasource": {"type": "prometheus", "uid": "prometheus"},
              "query": {"query": query, "refId": name}, "refresh": 2, "multi": multi, "includeAll": multi, "sort": 1}
    return result | ({"current": {"text": ["All"], "value": ["$__all"]}} if multi else {})


def panel(number, x, y, width, height, title, unit, queries, section, kind="timeseries"):
    is_latency = unit == "s"
    result = {
        "id": number, "type": kind, "title": title, "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "datasource": {"type": "prometheus", "uid": "prometheus"},
        "links": [{"title": "What to do", "url": f"/d/{RUNBOOKS}?viewPanel={sections().index(section) + 1}", "targetBlank": True}],
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [{"refId": chr(65 + i), "expr": expression, "legendFormat": legend, "exemplar": is_latency and kind == "timeseries"}
                    for i, (expression, legend) in enumerate(queries)],
    }
    if kind == "timeseries":
        result["options"] = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
        result["fieldConfig"]["defaults"]["custom"] = {"fillOpacity": 8, "lineWidth": 1, "showPoints": "never"}
    if kind == "stat":
        result["options"] = {"reduceOptions": {"calcs": ["lastNotNull"]}, "textMode": "value" if len(queries) == 1 and "{{" not in queries[0][1] else "name"}
    if kind == "heatmap":
        result["targets"][0]["format"] = "heatmap"
        result["options"] = {"calculate": False, "color": {"mode": "scheme", "scheme": "Oranges"}, "yAxis": {"unit": "percentunit"}}
    return result


def dashboard(uid, title, rows, variables):
    panels, y, number = [], 0, 100
    for row, entries in rows:
        panels.append({"id": number, "type": "row", "title": row, "collapsed": False, "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}, "panels": []})
        y, number = y + 1, number + 1
        stats = len(entries[0]) == 5 and entries[0][4] == "stat"
        width, height, per_row = (4, 4, 6) if stats else (6, 8, 4) if len(entries) % 4 == 0 else (8, 8, 3)
        for i, entry in enumerate(entries):
            panels.append(panel(number, i % per_row * width, y + i // per_row * height, width, height, *entry))
            number += 1
        y += (len(entries) + per_row - 1) // per_row * height
    return frame(uid, title, panels, variables)


def frame(uid, title, panels, variables):
    links = [{"type": "dashboards", "tags": ["mtlstream"], "title": "MtlStream", "tooltip": "The other dashboards", "icon": "external link",
              "asDropdown": True, "keepTime": True, "includeVars": True, "targetBlank": False}]
    return {"uid": uid, "title": title, "tags": ["mtlstream"], "schemaVersion": 39, "editable": False, "refresh": "10s",
            "time": {"from": "now-30m", "to": "now"}, "links": links, "templating": {"list": variables}, "panels": panels}


GUIDES = ("operations", "metrics", "security", "runbooks")


def guides():
    """The documents whose sections panels and alerts point at; a document without sections is one section."""
    folder = HERE.parent.parent / "docs"
    return "\n".join(re.sub(r"^# ", "## ", (folder / f"{name}.md").read_text(), count=1) for name in GUIDES)


def headings():
    """Title and text of every section that a panel or an alert may point at: level 2 and 3."""
    parts = re.split(r"^(#{2,3}) (.+)$", guides(), flags=re.M)
    return [(parts[i + 1], parts[i + 2].strip()) for i in range(1, len(parts), 3)]


def slug(title):
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def sections():
    return [slug(title) for title, text in headings() if text]


def runbooks():
    panels, y = [], 0
    for number, (title, text) in enumerate([(t, b) for t, b in headings() if b], 1):
        height = min(24, 3 + text.count("\n") * 2 // 3)
        panels.append({"id": number, "type": "text", "title": title, "gridPos": {"x": 0, "y": y, "w": 24, "h": height},
                       "options": {"mode": "markdown", "content": text}})
        y += height
    return frame(RUNBOOKS, "MtlStream: what to do", panels, [])


def main():
    job = variable("job", "label_values(mtlstream_model_serving, job)", "Job", True)
    task = variable("task", "label_values(mtlstream_task_confidence_count, mtlstream_task)", "Task", False)
    files = {
        "overview": dashboard("mtlstream-overview", "MtlStream: overview", OVERVIEW, [job]),
        "model": dashboard("mtlstream-model", "MtlStream: model and drift", MODEL, [job, task]),
        "kafka": dashboard("mtlstream-kafka", "MtlStream: Kafka", KAFKA, [job]),
        "runbooks": runbooks(),
    }
    stale = []
    for name, content in files.items():
        path, text = HERE / "dashboards" / f"{name}.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(path.name)
    if stale:
        sys.exit(f"dashboards.py: {', '.join(stale)}: not what this script writes; run deploy/grafana/dashboards.py")


if __name__ == "__main__":
    main()
