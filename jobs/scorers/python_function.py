"""Scores a Python function that a model wrote: the share of its tests that it passes.

The case comes as JSON on stdin: `output` is the answer, `columns` is the row with `function` (its
name) and `tests` (pairs of argument and result). The answer's code runs in a process of its own
with a time limit, and with nothing else between it and this machine: run what models write in a
container, as nobody, without a network.
"""

import json
import re
import subprocess
import sys

SECONDS = 5

RUN = """
import json, sys
space = {}
exec(sys.argv[1], space)
passed = [space[sys.argv[2]](given) == wanted for given, wanted in json.loads(sys.argv[3])]
print(json.dumps(passed))
"""


def code(answer):
    """The code of the first fence, or the whole answer where there is none."""
    fence = re.search(r"```(?:python|py)?\s*\n(.*?)```", answer, re.DOTALL)
    return fence.group(1) if fence else answer


def main():
    case = json.load(sys.stdin)
    row = case["columns"]
    words = [sys.executable, "-I", "-c", RUN, code(case["output"]), row["function"], json.dumps(row["tests"])]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return {"value": 0, "pass": False, "note": f"it ran for more than {SECONDS} s"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it failed"])[-1]
        return {"value": 0, "pass": False, "note": last[:200]}
    passed = json.loads(done.stdout.splitlines()[-1])
    share = sum(passed) / len(passed)
    return {"value": share, "pass": all(passed), "note": f"{sum(passed)} of {len(passed)} tests"}


print(json.dumps(main()))
