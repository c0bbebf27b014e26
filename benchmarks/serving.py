"""Measure pet serve: its throughput beside direct scoring, its latency under load, odd requests.

    python benchmarks/serving.py runs/demo --texts tasks/reviews/unlabeled.jsonl

The server is a process of its own with the same number of threads as the direct scoring; the load
comes from this process, over connections that stay open. Rounds of direct scoring and of serving
alternate, so that what else the machine does weighs on both alike: the ratios count. Beside other
work processor seconds say more than wall seconds: both are shown. Latencies are
from an open loop: requests are sent at random moments (a Poisson process) whether or not earlier
ones were answered, and the time counts from the moment when a request was due.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOADS = (0.5, 0.9, 10.0)
# Texts a second, and texts a processor second.
Rates = tuple[float, float]


class Client:
    """Connections to one server that stay open, as many as are needed at once."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(
        self, body: bytes, path: str = "/predict", kind: str = "application/json"
    ) -> int:
        """Send a request; return the status, 0 if no answer came."""
        try:
            reader, writer = self._free.pop() if self._free else await self._connect()
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            status = int(answer[9:12])
            length = re.search(rb"content-length: (\d+)", answer, re.IGNORECASE)
            await reader.readexactly(int(length[1]) if length else 0)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            return 0
        if b"connection: close" in answer.lower():
            writer.close()
        else:
            self._free.append((reader, writer))
        return status

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    def close(self) -> None:
        """Close the connections that are free; the next requests open new ones."""
        while self._free:
            self._free.pop()[1].close()


@contextmanager
def server(model: str) -> Iterator[tuple[int, int]]:
    """Serve a model on a free port; yield the port and the process's number."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from pet.cli import main; main()", "serve", model, "--port", "0",
         "--device", "cpu", "--no-explain"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"at http://127\.0\.0\.1:(\d+)", line)
    assert found, line + process.stderr.read()
    try:
        yield int(found[1]), process.pid
    finally:
        process.terminate()
        assert process.wait(60) == 0, process.stderr.read()


class Direct:
    """Direct scoring of a model by the function that pet predict calls."""

    def __init__(self, model: str) -> None:
        from pet import load_model

        self.model = load_model(model, "cpu", only_scores=True)

    def rates(self, texts: list[str]) -> Rates:
        """Label texts; return the rates."""
        from pet import Example
        from pet.model.prediction import predict_stream

        (field,) = self.model.task.fields
        started, cpu = time.perf_counter(), time.process_time()
        for _ in predict_stream(self.model, (Example({field: text}) for text in texts)):
            pass
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
        return len(texts) / wall, len(texts) / cpu


def processor_seconds(process: int) -> float:
    """Return the processor seconds of a process so far, of the user and of the system (Linux)."""
    spent = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK")


async def closed(client: Client, bodies: list[bytes], at_once: int) -> tuple[float, Counter[int]]:
    """Send requests, so many at once; return the seconds it took, and the statuses."""
    left, statuses = iter(bodies), Counter[int]()

    async def one_after_the_other() -> None:
        for body in left:
            statuses[await client.post(body)] += 1

    started = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    return time.perf_counter() - started, statuses


async def open_loop(
    client: Client, texts: list[str], rate: float, seconds: float, seed: int
) -> tuple[list[float], Counter[int], float]:
    """Send requests of one text at a rate; return latencies, statuses and the real rate."""
    draws = random.Random(seed)
    latencies: list[float] = []
    statuses: Counter[int] = Counter()
    tasks = []

    async def send(due: float, body: bytes) -> None:
        status = await client.post(body)
        statuses[status] += 1
        if status == 200:
            latencies.append(time.perf_counter() - due)

    started = due = time.perf_counter()
    while (due := due + draws.expovariate(rate)) < started + seconds:
        if (left := due - time.perf_counter()) > 0:
            await asyncio.sleep(left)
        tasks.append(asyncio.create_task(send(due, request([draws.choice(texts)]))))
        if len(tasks) % 50 == 0:
            await asyncio.sleep(0)
    sent = len(tasks) / (time.perf_counter() - started)
    await asyncio.gather(*tasks)
    return latencies, statuses, sent


def request(texts: list[str]) -> bytes:
    """Return the body of a request."""
    return json.dumps({"texts": texts}).encode()


def malformed(draws: random.Random) -> tuple[bytes, str, str]:
    """Draw a request that should not be answered with 200: body, path, content type."""
    good = request(["The soup was cold."])
    odd = [None, True, -1, 1e308, "", "a" * 5000, "\ud800", [], [[]], {}, {"text": 1}, {"": ""}]
    bodies = [
        good[: draws.randrange(len(good) - 1)],
        bytes(draws.randrange(256) for _ in range(draws.randrange(300))),
        json.dumps(draws.choice(odd)).encode(),
        json.dumps({"texts": draws.choice([one for one in odd if one != "a" * 5000])}).encode(),
        json.dumps({"texts": [draws.choice([None, 1, "", [], {}, {"text": 1}])]}).encode(),
        json.dumps({"texts": ["a"], draws.choice("abc"): draws.choice(odd)}).encode(),
        json.dumps({"texts": ["a"], "threshold": draws.choice([2, -1, "x", [], None])}).encode(),
        b"[" * draws.randrange(1, 100_000),
        b'{"texts": [' + b"9" * draws.randrange(1, 10_000) + b"]}",
        json.dumps({"texts": ["a"] * draws.randrange(257, 2000)}).encode(),
        b'{"texts": ["' + b"a" * draws.randrange(20_001, 1_500_000) + b'"]}',
    ]
    kind = draws.choice(["application/json"] * 8 + ["text/plain", "x"])
    return draws.choice(bodies), draws.choice(["/predict", "/predict", "/explain"]), kind


def quantile(values: list[float], share: float) -> str:
    """Return a quantile in milliseconds."""
    if not values:
        return "-"
    ranked = sorted(values)
    return f"{1000 * ranked[min(len(ranked) - 1, int(share * len(ranked)))]:.0f}"


async def measure(given: argparse.Namespace, texts: list[str], port: int, process: int) -> None:
    """Measure a running server."""
    client = Client(port)
    scoring = Direct(given.model)
    rates: dict[str, list[Rates]] = {"direct": []}
    sizes = {"1 text": 1, "16 texts": 16, "64 texts": 64}
    for number in range(given.rounds + 1):
        found = scoring.rates(texts)
        if number:
            rates["direct"].append(found)
        for name, size in sizes.items():
            bodies = [request(texts[at : at + size]) for at in range(0, len(texts), size)]
            client.close()  # idle ones may have been closed by the server meanwhile
            before = processor_seconds(process)
            seconds, statuses = await closed(client, bodies, max(4, given.at_once // size))
            cpu = processor_seconds(process) - before
            assert set(statuses) == {200}, statuses
            if number:  # the first round warms up
                rates.setdefault(name, []).append((len(texts) / seconds, len(texts) / cpu))
    print("\n| requests of | texts/s | of direct | texts/processor second | of direct |")
    print("| --- | --- | --- | --- | --- |")
    for name, rounds in rates.items():
        cells = [name]
        for which in (0, 1):
            own = [rate[which] for rate in rounds]
            others = [rate[which] for rate in rates["direct"]]
            shares = [one / other for one, other in zip(own, others, strict=True)]
            cells += [f"{statistics.median(own):.0f}", f"{statistics.median(shares):.0%}"]
        print(f"| {' | '.join(cells)} |", flush=True)
    print("\n| load | capacity/s | sent/s | answered | refused | lost | p50 ms | p99 ms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for load in LOADS:
        # Measured again each time, because what else the machine does may have changed.
        client.close()
        seconds, _ = await closed(client, [request([text]) for text in texts], given.at_once)
        capacity = len(texts) / seconds
        client.close()
        latencies, statuses, sent = await open_loop(
            client, texts, load * capacity, given.seconds, given.seed
        )
        lost = sum(statuses.values()) - statuses[200] - statuses[429]
        print(
            f"| {load} | {capacity:.0f} | {sent:.0f} | {statuses[200]} | {statuses[429]} | "
            f"{lost} | "
            f"{quantile(latencies, 0.5)} | {quantile(latencies, 0.99)} |"
        )
    draws = random.Random(given.seed)
    statuses = Counter([await client.post(*malformed(draws)) for _ in range(given.malformed)])
    print(f"\n{given.malformed} malformed requests, by status: {dict(sorted(statuses.items()))}")
    status = await client.post(request(texts[:1]))
    print(f"A good request after all that: {status}")
    client.close()


def main() -> None:
    """Read the arguments, start the server and measure it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", help="a run or a saved classifier of one text field")
    parser.add_argument("--texts", required=True, help="a JSON lines file with a column text")
    parser.add_argument("--most", type=int, default=1024, help="texts of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15, help="of each load")
    parser.add_argument("--at-once", type=int, default=512, help="texts under way at once")
    parser.add_argument("--malformed", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    lines = Path(given.texts).read_text("utf-8").splitlines()[: given.most]
    texts = [json.loads(line)["text"] for line in lines]
    # Of this process and the server: each request that is under way has a connection.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with server(given.model) as (port, process):
        asyncio.run(measure(given, texts, port, process))


if __name__ == "__main__":
    main()
