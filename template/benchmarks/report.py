"""Makes a table and a plot of `results/benchmark.json`, which pytest-benchmark has written."""

import json
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

RESULTS = Path(__file__).parent / "results"
NOISE = 1.1  # a smaller ratio proves nothing
COLOURS = {"wins": "#0072b2", "loses": "#d55e00", "draws": "#999999"}  # for the colour-blind too


def read(path: Path) -> dict[str, dict[str, float]]:
    """Read what pytest-benchmark has measured.

    Args:
        path: JSON file.

    Returns:
        Median seconds of one call, by case and by language.
    """
    medians: dict[str, dict[str, float]] = {}
    for run in json.loads(path.read_text("utf-8"))["benchmarks"]:
        case = medians.setdefault(run["params"]["case"], {})
        case[run["params"]["language"]] = run["stats"]["median"]
    return medians


def verdict(gain: float) -> str:
    """Say who wins.

    Args:
        gain: Python's time divided by Rust's.
    """
    if gain >= NOISE:
        return "wins"
    return "loses" if gain <= 1 / NOISE else "draws"


def factor(gain: float) -> str:
    """Put a ratio into words.

    Args:
        gain: Python's time divided by Rust's.
    """
    return f"{gain:.3g}x faster" if gain >= 1 else f"{1 / gain:.3g}x slower"


def seconds(value: float) -> str:
    """Format a time with a unit that fits.

    Args:
        value: Seconds.
    """
    scale, unit = next(
        (scale, unit)
        for scale, unit in [(1, "s"), (1e3, "ms"), (1e6, "µs"), (1e9, "ns")]
        if value * scale >= 1 or unit == "ns"
    )
    return f"{value * scale:.3g} {unit}"


def plot(gains: dict[str, float]) -> None:
    """Draw the ratios as bars, to both sides of a draw, into an SVG and a PNG file.

    Args:
        gains: Python's time divided by Rust's, by case.
    """
    mpl.use("Agg")  # needs no screen
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.5 * len(gains)), layout="constrained")
    values = list(gains.values())
    bars = axes.barh(
        list(gains),
        [gain - 1 for gain in values],
        left=1,
        color=[COLOURS[verdict(gain)] for gain in values],
    )
    axes.bar_label(bars, [factor(gain) for gain in values], padding=4)
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xscale="log", xlabel="Python's time / Rust's time", title="Rust against Python")
    low, high = min([0.5, *values]), max([2, *values])
    room = (high / low) ** 0.3  # for the labels
    axes.set_xlim(low / room, high * room)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    for suffix in ("svg", "png"):
        figure.savefig(RESULTS / f"benchmark.{suffix}", dpi=150)


def main() -> None:
    """Print the table and who wins where, and write the plot."""
    medians = read(RESULTS / "benchmark.json")
    gains = {case: times["Python"] / times["Rust"] for case, times in medians.items()}
    width = max(map(len, medians))
    print(f"\n{'median of one call':{width}}  {'Python':>8}  {'Rust':>8}")
    for case, times in medians.items():
        row = f"{case:{width}}  {seconds(times['Python']):>8}  {seconds(times['Rust']):>8}"
        print(f"{row}  {factor(gains[case])}")
    print()
    for word in COLOURS:
        if cases := [case for case, gain in gains.items() if verdict(gain) == word]:
            print(f"Rust {word}: {'; '.join(cases)}")
    print("Crossing from Python to Rust costs time: one call has to do much work to be worth it.")
    plot(gains)
    print(f"\nWritten: {RESULTS / 'benchmark'}.json, .svg and .png")


if __name__ == "__main__":
    main()
