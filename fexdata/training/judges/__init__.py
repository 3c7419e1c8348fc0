"""Networks that judge: identity and expression, for losses and for evaluation.

A network is named by a spec, which `load` turns into a frozen module:

    mobileface                        a known kind, its files found in the `weights` folder
    arcface=models/backbone.pth       a known kind, from the user's own file
    arcface=models/backbone.pth#9af3  the same, refused unless the file's sha256 begins like that
    runs/embedder-affectnet-d-1       one that `fexdata train embedder` or `classifier` made

`fexdata.training.judges.kinds` lists the kinds, what each expects, and their licences.
"""

from fexdata.training.judges.registry import About, Judge, load

__all__ = ["About", "Judge", "load"]
