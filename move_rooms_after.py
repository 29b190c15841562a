"""What the move leaves to do by hand; run after move.py."""
import re, subprocess
from pathlib import Path
def edit(path, *pairs, count=1):
    p=Path(path); s=p.read_text()
    for a,b in pairs:
        assert a in s, (path, a[:80])
        s=s.replace(a,b)
    p.write_text(s)
DOC={"workflows":"What people run on model folders: train one, fill it with what was measured, try a whole grid. One file is one workflow.",
"training":"Standard and shared adversarial training (Mummadi, Brox, Metzen, ICCV 2019, section 3).",
"robustness":"Universal robustness: the search for the epsilon that breaks a model, what it found, and the four risks.",
"reports":"Claims, figures and pages, all worked out from stored results; nothing is measured here.",
"checkpoints":"Model folders: the model itself, what was measured of it, and the perturbations that did it.",
"evaluation":"What a perturbation does to a model on held-out images, and how visible it is.",
"models":"Architectures by name, and weights that were trained elsewhere."}
for k,v in DOC.items(): Path("core",k,"__init__.py").write_text(f'"""{v}"""\n')
p=Path("core/cli/__init__.py")
# precompute's option has the name of a module
edit("core/cli/folders.py",("from core.workflows import precompute\n","from core.workflows import precompute\nfrom core.workflows.assess import assess as assess_folder\n"),
     ("        assess.assess(folder,","        assess_folder(folder,"))
