"""Measuring: predictions, features, groups; everything on the whole set, never averaged over batches."""

from .affect import affect_scores, ccc, mean_ccc, mean_rmse, pcc, rmse, sagr
from .bootstrap import bootstrap
from .calibration import calibration
from .classes import accuracy, class_scores, confusion, macro_f1, recalls
from .compare import cka, critical_difference, ranks, wins
from .erasure import Erasure, leace
from .geometry import alignment, silhouette, uniformity
from .groups import TONES, by_group, by_people, clear_when_shuffled, gap, group_gap
from .neighbours import knn_predict, nearest
from .probes import READERS, Probe, affect_probe, identity_leak, knn_accuracy, linear_probe, mlp_probe, readable
from .report import accuracy_apart, evaluate, features_report, seen, truth_in
from .temperature import fit_temperature

__all__ = [
    "READERS", "TONES", "Erasure", "Probe", "accuracy", "accuracy_apart", "affect_probe", "affect_scores", "alignment",
    "bootstrap", "by_group", "by_people", "calibration", "ccc", "cka", "class_scores", "clear_when_shuffled",
    "confusion", "critical_difference", "evaluate", "features_report", "fit_temperature", "gap", "group_gap",
    "identity_leak", "knn_accuracy", "knn_predict", "leace", "linear_probe", "macro_f1", "mean_ccc", "mean_rmse",
    "mlp_probe", "nearest", "pcc", "ranks", "readable", "recalls", "rmse", "sagr", "seen", "silhouette", "truth_in",
    "uniformity", "wins",
]
