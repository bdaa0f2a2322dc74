"""What each method is worth: the comparisons that README and docs/results.md tell in tables and in a picture."""

from dataclasses import dataclass

from .record import half_width, paired

CLEAN = "wrong labels left out"
VIEWS = "WSCFER, consistency of views"      # the abstract ties two spaces, as the other form does
PART, SPACES = "its consistency alone", "WSCFER, consistency of spaces"
MATCHED = ("baseline with the method's loss", "baseline, the method's loss")


@dataclass(frozen=True)
class Effect:
    """One measure of a study with and without a method, and what else to hold it against.

    Attributes:
        file, metric: of `results/`.
        without, method, peers, hope: a word for the reader, the study's arm, and its metric where it is another. A
            peer is a simpler way to the same end, first of all the method's own strongest part alone; a hope is what
            the network reaches when it is given what the method does without.
        less: whether less of it is better; its gains are counted as points better, too.
    """

    lesson: str
    what: str
    file: str
    metric: str
    without: tuple[str, ...]
    method: tuple[str, ...]
    peers: tuple[tuple[str, ...], ...] = ()
    hope: tuple[str, ...] | None = None
    less: bool = False

    def read(self, content: dict) -> dict[str, list[tuple[str, dict]]]:
        """Return {part: [(word, what the summary tells)]} of all that has been run, from a results file."""
        parts = {"without": [self.without], "method": [self.method], "peers": self.peers,
                 "hope": [self.hope] if self.hope else []}
        told_of = lambda arm, metric=self.metric: content["summary"].get(arm, {}).get(metric)          # noqa: E731
        return {name: [(word, told_of(*arm)) for word, *arm in ways if told_of(*arm)] for name, ways in parts.items()}

    def gains(self, content: dict) -> dict[str, list[tuple[str, dict]]]:
        """Return {part: [(word, mean, sd and n of its difference from `without`, seed by seed)]} of the others."""
        _, against, *metric = self.without
        than = metric[0] if metric else self.metric
        parts = {"method": [self.method], "peers": self.peers, "hope": [self.hope] if self.hope else []}
        gains = {name: [(word, paired(content["runs"], arm, against, own[0] if own else self.metric, than))
                        for word, arm, *own in ways] for name, ways in parts.items()}
        return {name: [(word, self._better(gain)) for word, gain in ways if gain["n"]] for name, ways in gains.items()}

    def _better(self, gain):
        return gain | {"mean": -gain["mean"]} if self.less else gain

    def gain(self, content: dict) -> tuple[str, int]:
        """Return how many points better the method is, with the interval that the picture draws, and of how many seeds.

        One seed has no interval.
        """
        method = self.gains(content)["method"]
        if not method:
            return "–", 0
        [(_, gain)] = method
        half = half_width(gain)
        ends = [] if half is None else [gain["mean"] - half, gain["mean"] + half]
        mean, *ends = (f"{round(100 * share, 1) + 0.0:+.1f}" for share in (gain["mean"], *ends))
        return f"{mean} ({' to '.join(ends)})" if ends else mean, gain["n"]


EFFECTS = (
    *(Effect("00 synthetic faces", f"FER2013, {labels}, accuracy", "pretraining-fer2013-cpu", "accuracy",
             ("from scratch", f"{labels}, from scratch"), ("synthetic faces first", f"{labels}, synthetic first"))
      for labels in ("a tenth of the labels", "all labels")),
    *(Effect("00 synthetic faces", f"FER2013, a whole ResNet-18, {size}, accuracy", "photographs-fer2013-cpu",
             "accuracy", ("from scratch", f"from scratch, {size}"),
             ("synthetic faces first", f"synthetic first, {size}"))
      for size in ("as it is", "enlarged")),
    *(Effect("02 WSCFER", f"{place}, 30 % wrong labels, accuracy", f"wscfer-{file}-cpu", "accuracy",
             ("cross-entropy, two views", f"{before}noisy, CE"), (VIEWS, f"{before}noisy, CE + WSC + PCL"),
             peers=((PART, f"{before}noisy, CE + PCL"), (SPACES, f"{before}noisy, CE + WSC + PCL of spaces"),
                    ("SupCon", f"{before}noisy, CE + SupCon")),
             hope=(CLEAN, f"{before}noisy, CE, wrong labels left out"))
      for place, file, before in (("lab", "synthfaces-lab", ""), ("lab, trained for long", "synthfaces-lab", "long, "),
                                  ("wild, trained for long", "synthfaces-wild", "long, "), ("FER2013", "fer2013", ""))),
    Effect("02 WSCFER", "FER2013, its own labels, accuracy", "wscfer-fer2013-cpu", "accuracy",
           ("cross-entropy, two views", "clean, CE"), (VIEWS, "clean, CE + WSC + PCL"),
           peers=((PART, "clean, CE + PCL"), (SPACES, "clean, CE + WSC + PCL of spaces"),
                  ("SupCon", "clean, CE + SupCon"))),
    *(Effect("03 DR-FER", f"{place}, {noise}, accuracy", f"robust-{file}-cpu", "accuracy",
             ("cross-entropy", f"{arm}, cross-entropy"), ("DR-FER", f"{arm}, DR-FER"),
             peers=(("self-pacing alone", f"{arm}, self-pacing"),
                    ("averaged weights alone", f"{arm}, averaged weights"),
                    ("cleanlab", f"{arm}, pruned by cleanlab"),
                    ("cleanlab, its networks for as long",
                     f"{arm}, pruned by cleanlab, its networks for as long")),
             hope=(CLEAN, f"{arm}, clean subset"))
      for place, file, noise, arm in (("lab", "synthfaces-lab", "30 % wrong labels", "30 %"),
                                      ("wild", "synthfaces-wild", "30 % wrong labels", "30 %"),
                                      ("FER2013", "fer2013", "30 % wrong labels", "30 %"),
                                      ("lab", "synthfaces-lab", "one annotator a face", "one annotator"),
                                      ("wild", "synthfaces-wild", "one annotator a face", "one annotator"),
                                      ("lab, few faces", "synthfaces-lab", "30 % wrong labels", "few faces"),
                                      ("lab", "synthfaces-lab", "right labels", "no noise"),
                                      ("FER2013", "fer2013", "its own labels", "no noise"))),
    Effect("03 DR-FER", "FER2013, its own labels, judged by FER+, accuracy", "annotators-fer2013-cpu",
           "accuracy_ferplus", ("cross-entropy", "cross-entropy"), ("DR-FER, D = 2, never relabelled", "DR-FER"),
           peers=(("with one pace for all", "DR-FER, one pace for all"),)),
    *(Effect("04 HNCL", f"{place}, no labels but a linear probe's, accuracy", f"selfsup-{file}-cpu", "probe_100",
             ("MoCo", "MoCo (no neighbours)"), ("HNCL", "heatmap neighbours"),
             peers=(("SimCLR", "SimCLR"), ("its landmarks alone", "landmarks, read"),
                    ("untrained network", "random encoder")),
             hope=("taught with labels", "supervised"))
      for place, file in (("wild", "synthfaces-wild"), ("FER2013", "fer2013"))),
    *(Effect("05 DMSRL", f"{place}{treated}, mean recall", f"domains-{file}-cpu", metric,
             ("source only, for as long", "source only, for longer"), ("DMSRL", "DMSRL"),
             peers=(*peers, ("DANN", "DANN")), hope=("taught with the target's labels", "oracle"))
      for place, file in (("lab to wild", "lab-wild"), ("wild to lab", "wild-lab"),
                          ("synthetic faces to FER2013", "synthfaces-fer2013"),
                          ("FER2013 to synthetic faces", "fer2013-synthfaces"))
      for treated, metric, peers in (
          ("", "macro_recall", (("source only, recalibrated", "source only", "recalibrated_macro_recall"),)),
          (", everyone recalibrated", "recalibrated_macro_recall", ()))),
    *(Effect("05 DMSRL", f"{place}, mean recall", f"domains-{file}-cpu", "macro_recall",
             ("source only, for as long", "source only, for longer"), (method, arm),
             peers=(("landmarks alone", "landmarks, read"),), hope=("taught with the target's labels", "oracle"))
      for place, file, method, arm in (
          ("lab to wild, with landmarks", "lab-wild", "DMSRL with landmarks", "DMSRL and landmarks"),
          ("synthetic faces to FER2013, with landmarks", "synthfaces-fer2013", "HNCL, then DMSRL with landmarks",
           "HNCL, then DMSRL and landmarks"),
          ("FER2013 to synthetic faces, with landmarks", "fer2013-synthfaces", "HNCL, then DMSRL with landmarks",
           "HNCL, then DMSRL and landmarks"))),
    *(Effect("06 identity-invariant", what, f"identity-{file}-cpu", metric, without,
             ("identity-invariant", "+ weighed (the whole)"), peers=(("weighing alone", "baseline, weighed"),),
             less="less is better" in what)
      for what, file, metric, without in (
        ("wild, tone predicts valence in training, CCC × 100", "synthfaces-wild", "ccc", MATCHED),
        ("the same: person read off the feature (less is better)", "synthfaces-wild", "person_linear", MATCHED),
        ("FER2013, classes, accuracy", "fer2013", "accuracy", ("baseline", "baseline")))),
    Effect("06 identity-invariant", "wild, tones that no training saw, CCC × 100", "identity-synthfaces-wild-cpu",
           "ccc", ("baseline, whose loss is another", "baseline, unseen tones"),
           ("identity-invariant", "+ weighed (the whole), unseen tones")),
)


GLANCE = {                    # what the README shows: of each lesson one row on rendered faces and one on photographs
    "00": ("FER2013, all labels, accuracy",),
    "02": ("lab, trained for long, 30 % wrong labels, accuracy", "FER2013, its own labels, accuracy"),
    "03": ("lab, 30 % wrong labels, accuracy", "FER2013, its own labels, accuracy"),
    "04": ("wild, no labels but a linear probe's, accuracy", "FER2013, no labels but a linear probe's, accuracy"),
    "05": ("lab to wild, everyone recalibrated, mean recall", "synthetic faces to FER2013, mean recall"),
    "06": ("wild, tone predicts valence in training, CCC × 100", "FER2013, classes, accuracy"),
}


def measured(content) -> list[tuple[Effect, dict]]:
    """Return the effects both of whose arms have been run with a seed in common, each with its results file.

    Args:
        content: the name of a results file -> what it says.
    """
    found = [(effect, content(effect.file)) for effect in EFFECTS]
    return [(effect, said) for effect, said in found if effect.gain(said)[1]]
