"""Recomputes the figures of this report from its tables, with Python alone: `python3 check.py` in
the bundle's folder. Exit code 1 if a line says FAIL. README.md has the commands for signatures."""

import csv
import hashlib
import json
import os
import sys
from math import exp, fsum, inf, lgamma, log, log1p
from statistics import median

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


def meets(row, criteria, line):  # whether a trial meets every criterion, by `line`
    scores = [(float(row["score:" + each["metric"]]), each) for each in criteria]
    return all(s >= c[line] if c["higher_is_closer"] else s <= c[line] for s, c in scores)


def is_blind(row):  # whether no result led to the trial
    return not row["parent"] and not row["variations"]


def rank_residuals(y, x):  # how many of the others gain at least as much over the reference as the first
    slopes = [(b - a) / (d - c) for a, c in zip(y, x) for b, d in zip(y, x) if d > c]
    slope = max(median(slopes), 0.0) if slopes else 0.0  # Theil and Sen
    residuals = [a - slope * b for a, b in zip(y, x)]
    return sum(each <= residuals[0] for each in residuals[1:])


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
trials, controls = read("tables/trials.csv"), read("tables/controls.csv")
by_rank, by_gain, by_case = {}, {}, {}  # p of each case; of the two ranks, the larger p decides
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
                bool(case["controls_copied"]) and meets(row, criteria, "stated"))
    close = sum(distance <= closest for distance in best.values())
    say(f"{name}: controls as close, of all", [rank["at_least_as_close"], rank["controls"]], [close, len(best)])
    by_rank[name] = by_case[name] = (1 + close) / (1 + len(best))
    say(f"{name}: p", rank["p"], by_rank[name])
    line, stated = finding["copies"]["rank_threshold"], [meets(row, criteria, "stated") for row in own]
    beats = [line is None or sign * float(row[score]) <= sign * line for row in own]
    hits = [meets(row, criteria, "threshold") and beat for row, beat in zip(own, beats)]
    say(f"{name}: trials that meet the stated criteria", finding["copies"]["meeting"], sum(stated))
    rate(name, finding["copies"]["rate"], hits, search["ended"] == "copies" and any(hits) and hits == stated)
    rate(f"{name}, reference", finding["copies"]["reference_rate"], [meets(row, criteria, "stated") for row in reference])
    gain, there = finding["gain"], {row["trial"]: sign * float(row[score]) for row in reference}
    blind = [(sign * float(row[score]), there[row["trial"]]) for row in own if there and is_blind(row)]
    say(f"{name}: whether a gain over the reference is ranked", bool(gain), bool(blind))
    if gain:
        there = {(row["pixels_sha256"], row["trial"]): sign * float(row[score])
                 for row in controls if row["checkpoint"] == gain["checkpoint"]}
        pairs = {}  # each control's closest blind trial here and there
        for row in controls:
            key = (row["pixels_sha256"], row["trial"])
            if row["checkpoint"] == name and row["is_counted"] == "1" and is_blind(row) and key in there:
                y, x = pairs.get(row["control"], (inf, inf))
                pairs[row["control"]] = min(y, sign * float(row[score])), min(x, there[key])
        y, x = zip(tuple(map(min, zip(*blind))), *pairs.values())
        close = rank_residuals(y, x)
        say(f"{name}: controls that gain as much, of all",
            [gain["rank"]["at_least_as_close"], gain["rank"]["controls"]], [close, len(pairs)])
        p_gain = (1 + close) / (1 + len(pairs))
        say(f"{name}: p of the gain", gain["rank"]["p"], p_gain)
        by_gain[name], by_case[name] = p_gain, max(by_case[name], p_gain)
    if case["controls_copied"]:
        rate(f"{name}, controls", case["controls_copied"], list(copied.values()))
    if not gain and there:
        by_case[name] = 1.0  # without a gain nothing is supported
family = [case["checkpoint"] for case in cases if case["replay"]["reference"] != case["checkpoint"]]


def holm(name, p):  # Holm (1979): p of a case, adjusted for the decisive p of the others
    values = {**{each: by_case[each] for each in family}, name: p}
    highest = 0.0
    for place, each in enumerate(sorted(family, key=values.get)):
        highest = max(highest, min(1.0, (len(family) - place) * values[each]))
        if each == name:
            return highest
    return p  # the reference makes no claim


for case in cases:
    name, finding = case["checkpoint"], case["memorised"]
    say(f"{name}: p for all cases", finding["rank"]["p_family"], holm(name, by_rank[name]))
    if finding["gain"]:
        say(f"{name}: p of the gain for all cases", finding["gain"]["rank"]["p_family"], holm(name, by_gain[name]))
print(f"{failed} lines FAIL." if failed else "All lines PASS.")
sys.exit(failed > 0)
