"""Time and modules of `import hepnb`, in fresh interpreters.

    python benchmarks/import_time.py

Target: under 0.3 s, with none of torch, scikit-learn, papermill, dask and sweights loaded.
"""

import statistics
import subprocess
import sys

HEAVY = ("torch", "sklearn", "papermill", "dask", "distributed", "sweights", "pandas", "numpy")
CODE = """
import sys, time
start = time.perf_counter()
import hepnb
print(time.perf_counter() - start, *[n for n in sys.argv[1:] if n in sys.modules])
"""


def main(repeats: int = 7) -> int:
    rows = []
    for _ in range(repeats):
        command = [sys.executable, "-c", CODE, *HEAVY]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append(done.stdout.split())
    seconds = statistics.median(float(row[0]) for row in rows)
    loaded = sorted({name for row in rows for name in row[1:]})
    print(f"import hepnb: {seconds:.3f} s (median of {repeats}); heavy modules loaded: {loaded}")
    return int(seconds >= 0.3 or bool(loaded))


if __name__ == "__main__":
    sys.exit(main())
