"""How well music does what was asked of it: ours or another's, one recording or a whole suite.

``evaluate`` takes a waveform and a plan, and needs no model of muze.
"""

from muze.evaluation.judged_plan import plan_to_judge
from muze.evaluation.recording import Evaluation, evaluate, evaluate_file
from muze.evaluation.stems import Stems

__all__ = ["Evaluation", "Stems", "evaluate", "evaluate_file", "plan_to_judge"]
