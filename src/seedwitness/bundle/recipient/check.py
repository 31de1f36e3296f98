"""Recomputes the figures of this report from its tables, with Python alone: `python3 check.py` in
the bundle's folder. Exit code 1 if a line says FAIL. README.md has the commands for signatures."""

import csv
import hashlib
import json
import os
import sys
from math import exp, fsum, inf, lgamma, log, log1p

failed = 0


def say(what, stated, found):
    global failed
    numbers = isinstance(stated, float) and isinstance(found, float)
    equal = abs(stated - found) <= 1e-9 * max(1, abs(found)) if numbers else stated == found
    failed += not equal
    print("PASS" if equal else "FAIL", f" {what}: stated {stated!a}, recomputed {found!a}")


def tail(hits, n, p):  # probability of at least `hits` of n at the rate p (binomial)
    logs = [lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for k in range(hits, n + 1)]
    return fsum(exp(a + k * log(p) + (n - k) * log1p(-p)) for k, a in enumerate(logs, hits))


def solve(hits, n, level):  # the rate at which that probability is `level`, by bisection
    low, high = 0.0, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(hits, n, middle) < level else (low, middle)
    return (low + high) / 2


def rate(what, stated, hits, up_to_hit=False):  # interval of Clopper and Pearson (1934), 95 %
    k, n = sum(hits), len(hits)
    say(f"{what}: copies of trials", [stated["hits"], stated["n"]] if stated else [0, 0], [k, n])
    if stated and n:  # `up_to_hit`: the search ended at its last copy
        above, m = (k, n - 1) if up_to_hit else (k + 1, n)
        say(f"{what}: interval from", stated["low"], solve(k, n, 0.025) if k else 0.0)
        say(f"{what}: interval to", stated["high"], solve(above, m, 0.975) if above <= m else 1.0)


def is_copy(row, criteria):
    scores = [(float(row["score:" + each["metric"]]), each) for each in criteria]
    return all(s >= c["threshold"] if c["higher_is_closer"] else s <= c["threshold"] for s, c in scores)


def read(name):
    with open(name, encoding="utf-8", newline="") as file:
        return json.load(file) if name.endswith(".json") else list(csv.DictReader(file))


csv.field_size_limit(10**8)
cases = read(f"reports/{read('bundle.json')['target']}/evidence.json")["cases"]
with open("MANIFEST.sha256", encoding="utf-8") as file:
    listed = {line[66:].rstrip("\n"): line[:64] for line in file}
paths = {os.path.relpath(os.path.join(at, name)) for at, _, names in os.walk(".") for name in names}
hashes = {path.replace(os.sep, "/"): hashlib.sha256(open(path, "rb").read()).hexdigest() for path in paths}
for seal in ("MANIFEST.sha256", "MANIFEST.sha256.sig", "MANIFEST.sha256.tsr", "statement.dsse.json"):
    hashes.pop(seal, None)
wrong = [name for name in {**hashes, **listed} if hashes.get(name) != listed.get(name)]
say("files that were altered, added or removed", [], sorted(wrong))
trials, controls, by_case = read("tables/trials.csv"), read("tables/controls.csv"), {}
for case in cases:
    name, finding, search = case["checkpoint"], case["memorised"], case["search"]
    statistic, rank, criteria = finding["statistic"], finding["rank"], finding["copies"]["criteria"]
    score, sign = "score:" + statistic["metric"], -1 if statistic["higher_is_closer"] else 1
    own, reference = ([row for row in trials if row["checkpoint"] == name and row["group"] == group]
                      for group in ("target", "reference"))
    say(f"{name}: trials", search["trials"], len(own))
    say(f"{name}: evaluations of the denoiser", search["nfe"], sum(int(row["nfe"]) for row in own))
    say(f"{name}: trials on the reference", case["replay"]["trials"], len(reference))
    closest = min(sign * float(row[score]) for row in own)
    say(f"{name}: closest {score}", statistic["value"], sign * closest)
    best, copied = {}, {}  # the closest trial of each control, and whether one is a copy
    for row in controls:
        if row["checkpoint"] == name and row["is_counted"] == "1":
            best[row["control"]] = min(best.get(row["control"], inf), sign * float(row[score]))
            copied[row["control"]] = copied.get(row["control"], False) or (
                bool(case["controls_copied"]) and is_copy(row, criteria))
    close = sum(distance <= closest for distance in best.values())
    say(f"{name}: controls as close, of all", [rank["at_least_as_close"], rank["controls"]], [close, len(best)])
    by_case[name] = (1 + close) / (1 + len(best))
    say(f"{name}: p", rank["p"], by_case[name])
    hits = [is_copy(row, criteria) for row in own]
    rate(name, finding["copies"]["rate"], hits, search["ended"] == "copies" and any(hits))
    rate(f"{name}, reference", finding["copies"]["reference_rate"], [is_copy(row, criteria) for row in reference])
    if case["controls_copied"]:
        rate(f"{name}, controls", case["controls_copied"], list(copied.values()))
family = [case["checkpoint"] for case in cases if case["replay"]["reference"] != case["checkpoint"]]
highest = 0.0
for place, name in enumerate(sorted(family, key=by_case.get)):  # Holm (1979): p for all cases together
    highest = by_case[name] = max(highest, min(1.0, (len(family) - place) * by_case[name]))
for case in cases:
    say(f"{case['checkpoint']}: p for all cases", case["memorised"]["rank"]["p_family"], by_case[case["checkpoint"]])
print(f"{failed} lines FAIL." if failed else "All lines PASS.")
sys.exit(failed > 0)
