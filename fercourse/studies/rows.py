"""What the page of results shows, by lesson.

A row is a title, a file of `results/`, an arm and a metric; one that was not measured is left out.
"""

_IDENTITY = "identity-synthfaces-wild-cpu"
_ALONE, _ALONE_FER = (f"selfsup-{data}-cpu" for data in ("synthfaces-wild", "fer2013"))


def _column(file, metric, *rows):
    """Return rows that differ in their arm alone."""
    return tuple((title, file, arm, metric) for title, arm in rows)


def _photographs(title, arm):
    """Return the rows of a network on FER2013: asked once, asked twice, and on the validation part."""
    return tuple((words, "photographs-fer2013-cpu", arm, metric) for words, metric in (
        (title, "accuracy"), ("   and asked about each face and its mirror image", "accuracy_mirrored"),
        ("   the same on the validation part, by which to choose", "validation_accuracy_mirrored")))


def _shifted(file, first, place):
    """Return the rows of a pair of domains; where they have been measured, with batch norm recalibrated, too."""
    ways = (("   on the source again, as long as the others", "source only, for longer"),
            ("   DANN", "DANN"), ("   CDAN", "CDAN"), ("   DMSRL", "DMSRL"))
    return _column(
        file, "macro_recall", (f"{first}: source only, from which the others go on", "source only")) + _column(
        file, "recalibrated_macro_recall", (f"   batch norm recalibrated on {place}", "source only")) + _column(
        file, "macro_recall", *ways) + _column(
        file, "chosen_epoch",
        ("   the same at the epoch of most information, chosen without labels on the faces scored", "DMSRL")) + _column(
        file, "recalibrated_macro_recall", *((f"{title}, recalibrated", arm) for title, arm in ways)) + _column(
        file, "macro_recall", ("   DMSRL and self-training", "DMSRL and self-training"),
        ("   DMSRL, self-training, and landmarks' say in its labels", "DMSRL and landmarks"),
        ("   the same, begun from HNCL on both domains", "HNCL, then DMSRL and landmarks"),
        ("   HNCL on both domains, a probe of the first one's labels", "HNCL, read"),
        ("   landmarks alone, a probe of the first one's labels", "landmarks, read"),
        (f"   taught with the labels of {place}", "oracle")) + _column(
        file, "recalibrated_macro_recall", ("   the same, recalibrated", "oracle")) + tuple(
        (f"   {arm}{words}", file, arm, f"{words and 'recalibrated_'}macro_recall")
        for arm in ("DMSRL without own batch norm", "DMSRL as found") for words in ("", ", recalibrated"))


def _wscfer(file, place, before=""):
    """Return the rows of a place's sums of terms, on its labels as they are and on wrong ones.

    `before` is how the names of the arms begin.
    """
    parts = (("   with SimCLR beside it", "CE + SimCLR"), ("   with SupCon beside it", "CE + SupCon"),
             ("   with WSC beside it", "CE + WSC"), ("   with consistency of views beside it", "CE + PCL"),
             ("   with WSC and consistency of views: WSCFER as it is by default", "CE + WSC + PCL"),
             ("   with WSC and consistency of spaces: the form nearer to the abstract", "CE + WSC + PCL of spaces"))
    labels = {"clean": "labels as they are", "noisy": "30 % wrong labels"}
    return tuple(row for short, words in labels.items() for row in _column(
        file, "accuracy", (f"{place}, {words}, two augmented views: cross-entropy", f"{before}{short}, CE"),
        *((title, f"{before}{short}, {arm}") for title, arm in parts))) + _column(
        file, "accuracy", ("   cross-entropy, wrong labels left out", f"{before}noisy, CE, wrong labels left out"))


def _robust(file, place):
    """Return the rows of a place's cures for wrong labels, under 30 % and other shares, one annotator, and none."""
    return _column(
        file, "accuracy", (f"{place}, 30 % wrong labels, not augmented: cross-entropy", "30 %, cross-entropy"),
        ("   label smoothing", "30 %, label smoothing"), ("   averaged weights", "30 %, averaged weights"),
        ("   masked images", "30 %, masked images"), ("   self-pacing", "30 %, self-pacing"),
        ("   self-pacing and relabelling", "30 %, self-pacing, relabelling"),
        ("   masked images and self-pacing", "30 %, masked images, self-pacing"),
        ("   with relabelling, too: DR-FER", "30 %, DR-FER"),
        ("   DR-FER with one pace for all classes", "30 %, DR-FER, one pace for all"),
        ("   pruned by cleanlab", "30 %, pruned by cleanlab"),
        ("   the same, averaged weights", "30 %, pruned by cleanlab, averaged weights"),
        ("   pruned by cleanlab whose own networks have as many steps, too",
         "30 %, pruned by cleanlab, its networks for as long"),
        ("   cross-entropy on the rightly labelled faces alone", "30 %, clean subset"),
        (f"{place}, a third of the faces, 30 % wrong labels: cross-entropy", "few faces, cross-entropy"),
        ("   DR-FER", "few faces, DR-FER"),
        ("   cross-entropy on the rightly labelled faces alone", "few faces, clean subset"),
        (f"{place}, one annotator a face, not augmented: cross-entropy", "one annotator, cross-entropy"),
        ("   self-pacing", "one annotator, self-pacing"), ("   DR-FER", "one annotator, DR-FER"),
        ("   cross-entropy on the rightly labelled faces alone", "one annotator, clean subset"),
        *(row for rate in ("10 %", "20 %", "40 %") for row in (
            (f"{place}, {rate} wrong labels, not augmented: cross-entropy", f"{rate}, cross-entropy"),
            ("   self-pacing", f"{rate}, self-pacing"), ("   DR-FER", f"{rate}, DR-FER"),
            ("   cross-entropy on the rightly labelled faces alone", f"{rate}, clean subset"))),
        (f"{place}, labels as they are, not augmented: cross-entropy", "no noise, cross-entropy"),
        ("   self-pacing", "no noise, self-pacing"), ("   DR-FER", "no noise, DR-FER"))


def _selfsup(file, place):
    """Return the rows of a place's ways to learn without labels, read by a probe and by fine-tuning."""
    ways = (("HNCL", "heatmap neighbours"), ("   same-class neighbours (oracle)", "same-class neighbours (oracle)"),
            ("   embedding neighbours", "embedding neighbours"), ("   random neighbours", "random neighbours"),
            ("   MoCo", "MoCo (no neighbours)"), ("   SimCLR", "SimCLR"),
            ("   HNCL, strong views", "heatmap neighbours, strong views"),
            *((f"   {arm}", arm) for arm in ("MoCo, strong views", "SimCLR, strong views",
                                              "MoCo, shuffled batch norm")),
            ("   untrained network", "random encoder"),
            ("   the landmarks that HNCL's neighbours are found by", "landmarks, read"),
            ("   taught with all labels", "supervised"))
    return tuple((f"{place}, learnt without labels, {way}: {title}" if title == "HNCL" else title, file, arm, metric)
                 for metric, way in (("probe_100", "linear probe, all labels"),
                                     ("tuned_10", "fine-tuned on a tenth of the labels, 140 steps"),
                                     ("tuned_100", "fine-tuned on all labels, 140 steps")) for title, arm in ways)


SECTIONS = {
    "The synthetic faces": (
        ("Lesson network, wild to wild, unseen people", "faces-synthfaces-cpu", "wild", "wild_accuracy"),
        ("   trained for less time, at 48 px", "supervised-synthfaces-wild-cpu", "baseline", "accuracy"),
        ("Lesson network, lab to lab, unseen people", "faces-synthfaces-cpu", "lab", "lab_accuracy"),
        ("Lesson network, lab to wild: the domain gap", "faces-synthfaces-cpu", "lab", "wild_accuracy"),
        ("Person told apart from an expression embedding (linear probe)", "faces-synthfaces-cpu", "wild",
         "identity_probe"),
        ("   by always naming the commonest person", "faces-synthfaces-cpu", "wild", "identity_chance"),
    ),
    "Photographs: FER2013": (
        ("Lesson network trained on FER2013, 48 px", "supervised-fer2013-cpu", "baseline", "accuracy"),
        *(row for way, before in (("from scratch", ""), ("synthetic first", ", synthetic faces first"))
          for size, words in (("as it is", ""), ("enlarged", ", pictures enlarged to 96 px for half the epochs"))
          for row in _photographs(f"A whole ResNet-18 trained on FER2013{before}{words}", f"{way}, {size}")),
        *(row for arm, words in (
            ("lesson-wide, SGD", "with the lesson network's stem and strides, trained on FER2013 by SGD"),
            ("fine18, SGD", "maps twice as fine, trained on FER2013 by SGD"))
          for row in _photographs(f"A ResNet-18 of half the width, {words}, blocks that add something at once",
                                  f"from scratch, {arm}")),
        *_column("photographs-tuning-fer2013-cpu", "accuracy",
                 ("What helps a whole ResNet-18 on FER2013? Twelve epochs, on the validation part", "as it is"),
                 ("   half the learning rate", "half the rate"),
                 ("   SGD with rate 0.05 and decay 0.0005 in place of AdamW", "SGD"),
                 ("   weak views", "weak views"), ("   nothing erased", "nothing erased"),
                 ("   averaged weights", "averaged weights"),
                 ("   weak views, half the width, maps twice as fine", "weak views, fine18"),
                 ("   nothing erased, half the width, maps twice as fine", "nothing erased, fine18"),
                 ("   weak views, blocks that add something at once", "weak views, awake blocks")),
        ("   faces that it was taught, as it is", "photographs-tuning-fer2013-cpu", "as it is", "training_accuracy"),
        *((title, "pretraining-fer2013-cpu", f"{labels}, {way}", metric)
          for labels, longer in (("a tenth of the labels", ", three times the epochs"), ("all labels", ""))
          for title, way, metric in (
            (f"FER2013, {labels}{longer}: from scratch", "from scratch", "accuracy"),
            ("   synthetic faces first", "synthetic first", "accuracy"),
            ("   and asked about each face and its mirror image", "synthetic first", "accuracy_mirrored"))),
        *((title, "transfer-fer2013-cpu", arm, metric) for title, arm, metric in (
            ("Trained on synthetic faces alone, tested on FER2013", "synthfaces", "accuracy"),
            ("   asked about each face and its mirror image", "synthfaces", "accuracy_mirrored"),
            ("   knowing how frequent FER2013's classes are", "synthfaces", "accuracy_knowing_shares"),
            ("   by always naming FER2013's commonest class", "synthfaces", "majority_class"),
            ("   with three times as many synthetic people and steps", "with more people", "accuracy"),
            ("   and asked about each face and its mirror image", "with more people", "accuracy_mirrored"))),
        *_column("renderer-fer2013-cpu", "accuracy",
                 ("Which variety of the renderer helps on FER2013? 3,360 faces with all of it", "everything"),
                 ("   without people's manners of moving", "manner"), ("   textbook poses only", "variants"),
                 ("   without variety of looks", "looks"), ("   without the camera's faults", "camera"),
                 ("   without variety of light", "light"), ("   without variety of pose", "pose"),
                 ("   without things before and behind the face", "things")),
    ),
    "Lesson 02: WSCFER": (
        *_wscfer("wscfer-synthfaces-lab-cpu", "Lab"),
        *_wscfer("wscfer-synthfaces-lab-cpu", "Lab, for long", "long, "),
        *_wscfer("wscfer-synthfaces-wild-cpu", "Wild, for long", "long, "),
        *_wscfer("wscfer-fer2013-cpu", "FER2013"),
    ),
    "Lesson 03: DR-FER": (
        *_robust("robust-synthfaces-lab-cpu", "Lab"), *_robust("robust-synthfaces-wild-cpu", "Wild"),
        *_robust("robust-fer2013-cpu", "FER2013"),
        *((title, "annotators-fer2013-cpu", arm, metric) for ours, arm in (
            ("by DR-FER, D = 2", "DR-FER"),
            ("by DR-FER, D = 2, with one pace for all classes", "DR-FER, one pace for all"))
          for title, metric in (
            (f"FER2013's own wrong labels, as FER+ has them, found {ours}: F1", "f1"),
            ("   by cleanlab, as many flags", "cleanlab_f1"),
            ("   by the largest mean losses, as many flags", "small_loss_f1"))),
    ),
    "Lesson 04: HNCL": (
        *((title, _ALONE, "neighbours alone", metric) for title, metric in (
            ("Wild, five nearest by heatmap of the same class, no training", "heatmap_class"),
            ("   by the true landmarks", "true_landmarks_class"), ("   by pixels", "pixels_class"),
            ("   by chance", "random_class"))),
        *((title, _ALONE_FER, "neighbours alone", metric) for title, metric in (
            ("FER2013, five nearest by heatmap of the same class", "heatmap_class"),
            ("   by pixels", "pixels_class"), ("   by chance", "random_class"))),
        *_selfsup(_ALONE, "Wild"), *_selfsup(_ALONE_FER, "FER2013"),
        *_column("selfsup-tuning-synthfaces-wild-cpu", "probe_100",
                 ("Wild, other settings of HNCL's rivals, on validation people, linear probe: HNCL", "HNCL, as it is"),
                 *((f"   {rival}, {way}", f"{rival}, {way}") for rival, ways in (
                     ("MoCo", ("as it is", "momentum 0.99", "momentum 0.999", "queue of 256", "t 0.07", "t 0.1",
                               "t 0.5", "half the rate", "twice the rate")),
                     ("SimCLR", ("as it is", "t 0.07", "t 0.1", "t 0.5", "half the rate", "twice the rate")))
                   for way in ways)),
    ),
    "Lesson 05: DMSRL": tuple(row for file, first, place in (
        ("lab-wild", "Labels in the lab only, tested in the wild", "the wild"),
        ("wild-lab", "Labels in the wild only, tested in the lab", "the lab"),
        ("synthfaces-fer2013", "Labels of synthetic faces, tested on FER2013", "FER2013"),
        ("fer2013-synthfaces", "Labels of FER2013, tested on synthetic faces", "synthetic faces"))
        for row in _shifted(f"domains-{file}-cpu", first, place)),
    "Lesson 06: identity-invariant FER": (
        *(row for metric, title in (
            ("rmse_valence", "Trained where skin tone predicts valence: RMSE of valence × 100"),
            ("ccc", "   concordance (mean CCC × 100)"),
            ("person_linear", "   person read off the expression feature by a line"),
            ("skin_tone_linear", "   skin tone (4 words) read off the expression feature by a line"))
          for row in _column(_IDENTITY, metric, (f"{title}, baseline", "baseline"),
                             ("   baseline with the method's loss", "baseline, the method's loss"),
                             ("   the same, faces weighed", "baseline, weighed"),
                             ("   identity-invariant", "+ weighed (the whole)"))),
        *(row for metric, title in (
            ("accuracy", "FER2013, classes"),
            ("retrieved_gender_linear", "   retrieved gender word read off the feature by a line"),
            ("retrieved_age_linear", "   retrieved age word (of 4) read off the feature by a line"),
            ("retrieved_skin_tone_linear", "   retrieved tone word (of 4) read off the feature by a line"))
          for row in _column("identity-fer2013-cpu", metric, (f"{title}, baseline", "baseline"),
                             ("   identity-invariant", "+ weighed (the whole)"))),
    ),
}
