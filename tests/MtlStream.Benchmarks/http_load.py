#!/usr/bin/env python3
"""Measures requests beside a stream: their latency, and what the stream keeps of its rate.

Start a worker with Http:Annotate=true on a topic with enough events waiting, then
    tests/MtlStream.Benchmarks/http_load.py --url http://127.0.0.1:8080 --rate 50 --seconds 60
It watches the stream alone, then with requests, then alone again, each for so many seconds, and prints one JSON object. The rate is
that of /status, which answers its own machine only. Requests are sent when they are due, whether or not earlier ones came back.
"""
import argparse
import concurrent.futures
import http.client
import json
import threading
import time
import urllib.parse

# 32 tokens of mtlstream-en with [CLS] and [SEP], each with another number in it so that nothing is answered from memory.
TEXT = "The parcel number {} came two days late, the box was open, and your friendly support did not answer my mail until today, sadly."


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--url", default="http://127.0.0.1:8080")
    arguments.add_argument("--rate", type=float, default=50, help="requests a second")
    arguments.add_argument("--seconds", type=float, default=60, help="of each of the three parts")
    arguments.add_argument("--token", default="")
    given = arguments.parse_args()
    address = urllib.parse.urlsplit(given.url)
    asked = Requests(address, given.token)

    before = watch(address, given.seconds)
    sender = threading.Thread(target=asked.send, args=(given.rate, given.seconds))
    sender.start()
    beside = watch(address, given.seconds)
    sender.join()
    after = watch(address, given.seconds)

    alone = (before + after) / 2
    print(json.dumps({
        "requests": len(asked.milliseconds), "failed": asked.failed, "p50Ms": percentile(asked.milliseconds, 0.5), "p99Ms": percentile(asked.milliseconds, 0.99),
        "maxMs": max(asked.milliseconds, default=None), "streamAlone": round(alone, 1), "streamBeside": round(beside, 1),
        "streamShare": round(beside / alone, 4) if alone else None,
    }))


class Requests:
    def __init__(self, address, token):
        self.address, self.token = address, token
        self.milliseconds, self.failed = [], 0
        self.lock, self.local = threading.Lock(), threading.local()

    def send(self, rate, seconds):
        with concurrent.futures.ThreadPoolExecutor(max_workers=32) as pool:
            started = time.monotonic()
            for number in range(int(rate * seconds)):
                due = started + number / rate
                time.sleep(max(0, due - time.monotonic()))
                pool.submit(self.ask, number, due)

    def ask(self, number, due):
        connection = getattr(self.local, "connection", None)
        if connection is None:
            connection = self.local.connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=30)
        headers = {"Content-Type": "text/plain"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            connection.request("POST", "/v1/annotate", TEXT.format(number).encode(), headers)
            answer = connection.getresponse()
            answer.read()
            good = answer.status == 200
        except (OSError, http.client.HTTPException):
            self.local.connection = None
            good = False
        taken = round(1000 * (time.monotonic() - due), 2)
        with self.lock:
            if good:
                self.milliseconds.append(taken)
            else:
                self.failed += 1


def watch(address, seconds):
    """Events a second over so many seconds."""
    (first, started) = (finished(address), time.monotonic())
    time.sleep(seconds)
    return (finished(address) - first) / (time.monotonic() - started)


def finished(address):
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    connection.request("GET", "/status")
    status = json.load(connection.getresponse())
    connection.close()
    return status["published"] + status["rejected"] + status["dropped"]


def percentile(values, share):
    return sorted(values)[int(share * (len(values) - 1))] if values else None


main()
