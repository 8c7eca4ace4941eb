"""A peer's process: `python -m benchmarks.worker PEER SUBJECT`.

Reads a request as a line of JSON and answers with one: {"check": cell} gives {"output": path of an array, "proof": our
kernels' calls}, {"time": cell, "seconds": s} gives {"seconds": [...]}; what cannot be done gives {"absent": reason}.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import traceback

import numpy as np

from . import machine, models, pipe, products


def decode(subject, fields):
    return products.Cell(**fields) if subject == "quantized_matmul" else models.Cell(**fields)


def answer(peer, subject, request, calls):
    cell = decode(subject, request.get("check") or request["time"])
    if cell not in calls:
        calls.clear()  # what the cell before holds may be large
        calls[cell] = peer.prepare(cell)
    call = calls[cell]
    if "check" in request:
        output = np.asarray(call(), dtype=np.float32)
        with tempfile.NamedTemporaryFile(suffix=".npy", delete=False) as file:
            np.save(file, output)
        return {"output": file.name, "proof": peer.native_calls(call) if hasattr(peer, "native_calls") else None}
    call()  # wakes its threads
    samples, begin = [], time.perf_counter()
    while not samples or time.perf_counter() - begin < request["seconds"]:
        start = time.perf_counter()
        call()
        samples.append(time.perf_counter() - start)
    return {"seconds": samples}


def main():
    name, subject = sys.argv[1:]
    lines = pipe.private_stdout()
    sys.path.append(str(machine.PEERS))
    calls = {}
    try:
        from . import peers

        peer = peers.load(name, subject)
        pipe.say(lines, {})
    except BaseException as error:
        return pipe.say(lines, reason(error))
    for line in sys.stdin:
        try:
            pipe.say(lines, answer(peer, subject, json.loads(line), calls))
        except Exception as error:
            pipe.say(lines, reason(error))


def reason(error):
    traceback.print_exception(error)
    words = str(error).strip().splitlines() or [""]
    return {"absent": words[0] if type(error).__name__ == "Absent" else f"{type(error).__name__}: {words[0]}"[:300]}


if __name__ == "__main__":
    main()
