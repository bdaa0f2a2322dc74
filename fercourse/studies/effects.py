"""What each method is worth: the comparisons that the README tells in a table and in a picture."""

from dataclasses import dataclass

from .record import paired, told

CLEAN = "wrong labels left out"


@dataclass(frozen=True)
class Effect:
    """One measure of a study with and without a method, and what else to hold it against.

    Attributes:
        file, metric: of `results/`; without, method, peer, hope: a word for the reader and the study's arm. A peer is
            another way to the same end, a hope is what nobody should expect to pass. None: there is none.
    """

    lesson: str
    what: str
    file: str
    metric: str
    without: tuple[str, str]
    method: tuple[str, str]
    peer: tuple[str, str] | None = None
    hope: tuple[str, str] | None = None

    def read(self, content: dict) -> dict[str, tuple[str, dict]]:
        """Return {part: (word, what the summary tells)} of the parts that have been run, from a results file."""
        parts = {name: getattr(self, name) for name in ("without", "method", "peer", "hope")}
        found = {arm: metrics[self.metric] for arm, metrics in content["summary"].items() if self.metric in metrics}
        return {name: (part[0], found[part[1]]) for name, part in parts.items() if part and part[1] in found}

    def gain(self, content: dict) -> tuple[str, int]:
        """Return the difference that the method makes, seed by seed, in words, and the number of seeds."""
        found = paired(content["runs"], self.method[1], self.without[1], self.metric)
        return ("+" if found["mean"] > 0 else "") + told(found, seeds=False), found["n"]


EFFECTS = (
    *(Effect("00 synthetic faces", f"FER2013, {told}, accuracy", "pretraining-fer2013-cpu", "accuracy",
             ("from scratch", f"{told}, from scratch"), ("synthetic faces first", f"{told}, synthetic first"))
      for told in ("a tenth of the labels", "all labels")),
    *(Effect("02 WSCFER", f"{place}, 30 % wrong labels, accuracy", f"wscfer-{file}-cpu", "accuracy",
             ("cross-entropy, two views", f"{before}noisy, CE"), ("WSCFER", f"{before}noisy, CE + WSC + PCL"),
             peer=("SupCon", f"{before}noisy, CE + SupCon"), hope=(CLEAN, f"{before}noisy, CE, wrong labels left out"))
      for place, file, before in (("lab", "synthfaces-lab", ""), ("lab, trained for long", "synthfaces-lab", "long, "),
                                  ("wild, trained for long", "synthfaces-wild", "long, "), ("FER2013", "fer2013", ""))),
    Effect("02 WSCFER", "FER2013, its own labels, accuracy", "wscfer-fer2013-cpu", "accuracy",
           ("cross-entropy, two views", "clean, CE"), ("WSCFER", "clean, CE + WSC + PCL"),
           peer=("SupCon", "clean, CE + SupCon")),
    *(Effect("03 DR-FER", f"{place}, {noise}, accuracy", f"robust-{file}-cpu", "accuracy",
             ("cross-entropy", f"{arm}, cross-entropy"), ("DR-FER", f"{arm}, DR-FER"),
             peer=("cleanlab", f"{arm}, pruned by cleanlab"), hope=(CLEAN, f"{arm}, clean subset"))
      for place, file, noise, arm in (("lab", "synthfaces-lab", "30 % wrong labels", "30 %"),
                                      ("FER2013", "fer2013", "30 % wrong labels", "30 %"),
                                      ("lab", "synthfaces-lab", "one annotator a face", "one annotator"),
                                      ("lab, few faces", "synthfaces-lab", "30 % wrong labels", "few faces"))),
    *(Effect("04 HNCL", f"{place}, no labels but a linear probe's, accuracy", f"selfsup-{file}-cpu", "probe_100",
             ("MoCo", "MoCo (no neighbours)"), ("HNCL", "heatmap neighbours"),
             peer=("SimCLR", "SimCLR"), hope=("taught with labels", "supervised"))
      for place, file in (("wild", "synthfaces-wild"), ("FER2013", "fer2013"))),
    *(Effect("05 DMSRL", f"{place}, mean recall", f"domains-{file}-cpu", "macro_recall",
             ("source only", "source only"), ("DMSRL", "DMSRL"),
             peer=("DANN", "DANN"), hope=("taught with the target's labels", "oracle"))
      for place, file in (("lab to wild", "lab-wild"), ("wild to lab", "wild-lab"),
                          ("synthetic faces to FER2013", "synthfaces-fer2013"),
                          ("FER2013 to synthetic faces", "fer2013-synthfaces"))),
    *(Effect("05 DMSRL", f"{place}, mean recall", f"domains-{file}-cpu", "macro_recall",
             ("source only", "source only"), (method, arm),
             peer=("landmarks alone", "landmarks, read"), hope=("taught with the target's labels", "oracle"))
      for place, file, method, arm in (
          ("lab to wild, with landmarks", "lab-wild", "DMSRL with landmarks", "DMSRL and landmarks"),
          ("synthetic faces to FER2013, with landmarks", "synthfaces-fer2013", "HNCL, then DMSRL with landmarks",
           "HNCL, then DMSRL and landmarks"),
          ("FER2013 to synthetic faces, with landmarks", "fer2013-synthfaces", "HNCL, then DMSRL with landmarks",
           "HNCL, then DMSRL and landmarks"))),
    *(Effect("06 identity-invariant", what, f"identity-{file}-cpu", metric, ("baseline", "baseline"),
             ("identity-invariant", "+ weighed (the whole)"))
      for what, file, metric in (
        ("wild, tone predicts valence in training, CCC × 100", "synthfaces-wild", "ccc"),
        ("the same: person read off the feature (less is better)", "synthfaces-wild", "person_linear"),
        ("FER2013, classes, accuracy", "fer2013", "accuracy"))),
)


def measured(content) -> list[tuple[Effect, dict]]:
    """Return the effects both of whose arms have been run, each with its results file.

    Args:
        content: the name of a results file -> what it says.
    """
    found = [(effect, content(effect.file)) for effect in EFFECTS]
    return [(effect, said) for effect, said in found if {"without", "method"} <= effect.read(said).keys()]
