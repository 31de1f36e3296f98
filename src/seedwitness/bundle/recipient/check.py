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


def read(name):
    with open(name, encoding="utf-8", newline="") as file:
        return json.load(file) if name.endswith(".json") else list(csv.DictReader(file))


def count_gains(y, x):  # how many of the others gain at least as much over the reference as the first
    slopes = [(b - a) / (d - c) for a, c in zip(y, x) for b, d in zip(y, x) if d > c]
    slope = max(median(slopes), 0.0) if slopes else 0.0  # Theil and Sen
    residuals = [a - slope * b for a, b in zip(y, x)]
    return sum(each <= residuals[0] for each in residuals[1:])


def meets(row, criteria, line):  # every copy criterion: as it is stated, or the threshold in use
    scores = [(float(row["score:" + each["metric"]]), each) for each in criteria]
    return all(s >= c[line] if c["higher_is_closer"] else s <= c[line] for s, c in scores)


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
decisive, by_rank, by_gain = {}, {}, {}  # the larger p of a case's two ranks decides; without a gain it is 1
for case in cases:
    name, finding = case["checkpoint"], case["memorised"]
    rank, copies, gain, statistic = (finding[key] for key in ("rank", "copies", "gain", "statistic"))
    metric, sign = "score:" + statistic["metric"], -1 if statistic["higher_is_closer"] else 1
    for row in trials + controls:
        row["distance"] = sign * float(row[metric])
        row["is_blind"] = not row["parent"] and not row["variations"]  # no result led to the trial
    own, reference = ([row for row in trials if row["checkpoint"] == name and row["group"] == group]
                      for group in ("target", "reference"))
    ranked, there = ([row for row in rows if row["is_ranked"] == "1"] for rows in (own, reference))
    counted = [row for row in controls if row["checkpoint"] == name and row["is_counted"] == "1"]
    criteria, line = copies["criteria"], copies["rank_threshold"]
    closest, best, copied = min(row["distance"] for row in ranked), {}, {}
    for row in counted:  # the closest trial of each control, and whether one is a copy
        best[row["control"]] = min(best.get(row["control"], inf), row["distance"])
        copied[row["control"]] = copied.get(row["control"], False) or (
            bool(case["controls_copied"]) and meets(row, criteria, "stated"))
    close, planned = sum(distance <= closest for distance in best.values()), rank["planned"]
    stopped = len(best) < planned  # Besag and Clifford (1991)
    p = max(close / len(best), (1 + close) / (1 + planned)) if stopped else (1 + close) / (1 + planned)
    say(f"{name}: trials, on the reference", [case["search"]["trials"], case["replay"]["trials"]], [len(own), len(reference)])
    say(f"{name}: evaluations of the denoiser", case["search"]["nfe"], sum(int(row["nfe"]) for row in own))
    say(f"{name}: closest {metric}", statistic["value"], sign * closest)
    say(f"{name}: controls as close, of all", [rank["at_least_as_close"], rank["controls"]], [close, len(best)])
    say(f"{name}: p", rank["p"], p)
    stated = [meets(row, criteria, "stated") for row in own]
    beats = [line is None or row["distance"] <= sign * line for row in own]
    hits = [meets(row, criteria, "threshold") and beat for row, beat in zip(own, beats)]
    say(f"{name}: trials that meet the stated criteria", copies["meeting"], sum(stated))
    say(f"{name}: copies that p rests on", copies["ranked"], sum(hit and row["is_ranked"] == "1" for hit, row in zip(hits, own)))
    rate(name, copies["rate"], hits, case["search"]["ended"] == "copies" and any(hits) and hits == stated)
    rate(f"{name}, reference", copies["reference_rate"], [meets(row, criteria, "stated") for row in reference])
    if case["controls_copied"]:
        rate(f"{name}, controls", case["controls_copied"], list(copied.values()))
    blind, easy = ([row["distance"] for row in rows if row["is_blind"]] for rows in (ranked, there))
    say(f"{name}: whether a gain over the reference is ranked", bool(gain), bool(blind and easy and not stopped))
    decisive[name], by_rank[name] = 1.0, p
    if gain:
        replayed = {(row["pixels_sha256"], row["trial"]): row["distance"] for row in controls if row["checkpoint"] == gain["checkpoint"]}
        pairs = {}  # the closest blind trial of each control, here and on the reference
        for row in (each for each in counted if each["is_blind"]):
            y, x = pairs.get(row["control"], (inf, inf))
            pairs[row["control"]] = min(y, row["distance"]), min(x, replayed.get((row["pixels_sha256"], row["trial"]), inf))
        y, x = zip((min(blind), min(easy)), *(pair for pair in pairs.values() if pair[1] < inf))
        close = count_gains(y, x)
        by_gain[name] = (1 + close) / len(y)
        decisive[name] = max(p, by_gain[name])
        say(f"{name}: controls that gain as much, of all", [gain["rank"]["at_least_as_close"], gain["rank"]["controls"]], [close, len(y) - 1])
        say(f"{name}: p of the gain", gain["rank"]["p"], by_gain[name])
family = [case["checkpoint"] for case in cases if case["replay"]["reference"] != case["checkpoint"]]


def holm(name, p):  # Holm (1979): p of a case, adjusted for the decisive p of the others
    values = sorted([p, *(decisive[each] for each in family if each != name)] if name in family else [p])
    return max(min(1.0, (len(values) - place) * each) for place, each in enumerate(values) if each <= p)


for case in cases:
    name, finding = case["checkpoint"], case["memorised"]
    say(f"{name}: p for all cases", finding["rank"]["p_family"], holm(name, by_rank[name]))
    if finding["gain"]:
        say(f"{name}: p of the gain for all cases", finding["gain"]["rank"]["p_family"], holm(name, by_gain[name]))
print(f"{failed} lines FAIL." if failed else "All lines PASS.")
sys.exit(failed > 0)
