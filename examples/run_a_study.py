"""
Run a study
===========

A grid of cases, methods and seeds whose rows survive whatever ends the run. The second call finds
everything done.
"""

import tempfile
from pathlib import Path

from pygridjl.study import read_study, records_frame, run_study, write_report

STUDY = """
name = "feeders"
[[runs]]
capability = "reconfiguration"
cases = ["case16ci", "case33bw"]
methods = ["forward", "maxflow+ils"]
seeds = 2
[limits]
seconds = 60
"""

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "study.toml").write_text(STUDY)
        study = read_study(folder / "study.toml")
        for _ in range(2):
            records = run_study(study, folder / "rows")
        print(records_frame(records)[["case", "method", "seed", "status", "value"]])
        print([path.name for path in write_report(folder / "rows")])
