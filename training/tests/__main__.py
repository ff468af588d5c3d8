"""Runs the tests of this folder; writes their counts to the file named, in the form that test.sh adds up.

python3 training/tests [COUNTS]
"""

import sys
import unittest
from pathlib import Path


class Counting(unittest.TextTestResult):
    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def main():
    tests = unittest.defaultTestLoader.discover(str(Path(__file__).parent))
    result = unittest.TextTestRunner(resultclass=Counting).run(tests)
    failed, skipped = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses), len(result.skipped)
    executed = result.passed + failed
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(f'<Counters total="{executed + skipped}" executed="{executed}" passed="{result.passed}" failed="{failed}" />\n')
    for test, reason in result.skipped:
        print(f"skipped: {test}: {reason}", file=sys.stderr)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
