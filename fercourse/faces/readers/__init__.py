"""Readers: one small file a set, each a function `read(root, **options) -> Listing` that only lists.

What happens to bad input is the same everywhere:

* **Nothing sensible can be read** is an `InputError`, one sentence with the file and, where there is one, the
  line: the folder or archive is missing or damaged, its layout is another set's, an annotation file is
  missing, its header lacks a column, or not a single row is usable.
* **One bad row** becomes a `Reject` with file, line and reason, and is counted in the notes: a truncated row,
  an unknown or impossible label, a number that is none, a missing or empty image, a second row for the same
  face. Of two equal rows the first stays; of two that contradict each other neither does. Nothing
  takes its place.
* **What a set itself marks as not to be used** (AffectNet's "no face", Aff-Wild2's -1, FER+ rows without a
  majority) is left out and counted in the notes.
* **An empty official part** is noted, and asking for it is an `InputError` that names the parts there are.

Whether an image decodes is found out by whoever decodes it; such rejects are added to these.
"""

from . import (
    afewva,
    affectnet,
    affwild2,
    ckplus,
    csvfile,
    expw,
    fer2013,
    ferplus,
    folder,
    jaffe,
    kdef,
    muxspace,
    oulucasia,
    rafdb,
    sfew,
)

SETS = (muxspace.INFO, fer2013.INFO, ferplus.INFO, rafdb.INFO, affectnet.INFO, ckplus.INFO, ckplus.INFO48,
        jaffe.INFO, sfew.INFO, expw.INFO, oulucasia.INFO, kdef.INFO, afewva.INFO, affwild2.INFO, folder.INFO,
        csvfile.INFO)
