"""Move core's modules into rooms and rewrite every import. Run from the repository's root; moves only."""
import ast, io, re, subprocess, sys, tokenize
from pathlib import Path

MAP = {
 "assessment":"workflows.assess","augmentation":"training.augment","breaking":"robustness.result","capture":"training.cudagraph",
 "charts":"reports.charts","checkpoints":"checkpoints.store","claims":"reports.claims","documents":"reports.results_page",
 "evaluation":"evaluation.report","exchange":"workflows.cross_epsilon","experiment":"workflows.train_model",
 "foreign":"models.external","fronts":"reports.pareto","grid":"workflows.grid","ladder":"robustness.risks","lent":"robustness.transfer",
 "markdown":"reports.markdown","models":"models.architectures","pattern":"evaluation.pattern_score","perceptibility":"evaluation.perceptibility",
 "perturbations":"checkpoints.perturbations","precision":"runtime","precompute":"workflows.precompute","recipe":"training.recipe",
 "resampling":"reports.bootstrap","results":"checkpoints.results","resume":"training.resume","robustness":"robustness.search",
 "scale":"reports.accuracy_axis","scenes":"evaluation.segmentation","schedules":"checkpoints.groups","segmenters":"models.smp",
 "sweep":"workflows.sweep","targets":"attacks.targets","team":"distributed","tradeoff":"reports.tradeoff","training":"training.loop",
 "training_page":"reports.training_page","trials":"robustness.trials","update":"training.step","verdicts":"reports.verdicts",
 "attacks.universal":"attacks.spgd","commands":"cli","commands._shared":"cli.options","commands._victim":"cli.model_options",
 "datasets._drawn":"datasets._procedural","datasets._folders":"datasets._image_folder",
}
NEW_PACKAGES = ["workflows","training","robustness","reports","checkpoints","evaluation","models","cli"]
tree = [p for p in Path(".").rglob("*.py") if not {".venv",".git","build"} & set(p.parts)]
known = {".".join(p.with_suffix("").parts)[5:] for p in tree if p.parts[0]=="core"}
MAP = {k:v for k,v in MAP.items() if k in known or Path("core",*k.split(".")).is_dir()}

def new(module):  # dotted, under core
    parts = module.split(".")
    for n in range(len(parts),0,-1):
        head=".".join(parts[:n])
        if head in MAP: return ".".join([MAP[head],*parts[n:]])
    return module

def rewrite(path, text):
    node = ast.parse(text); lines = text.splitlines(keepends=True); edits=[]; renames={}
    for n in ast.walk(node):
        if isinstance(n, ast.ImportFrom) and n.module and n.level==0:
            if n.module=="core":
                groups={}
                for a in n.names:
                    to=new(a.name); package,_,leaf=to.rpartition(".")
                    groups.setdefault("core"+("."+package if package else ""),[]).append((leaf,a.asname))
                    if not a.asname and leaf!=a.name: renames[a.name]=leaf
                if any(new(a.name)!=a.name for a in n.names):
                    indent=" "*n.col_offset
                    said="\n".join(indent+f"from {m} import "+", ".join(l+(f" as {s}" if s else "") for l,s in ns) for m,ns in sorted(groups.items()))
                    edits.append((n.lineno,n.end_lineno,said+"\n"))
            elif n.module.startswith("core."):
                module=n.module[5:]; to=new(module)
                if module in MAP or to!=module:
                    first=lines[n.lineno-1]
                    edits.append((n.lineno,n.lineno,first.replace(f"from core.{module} import",f"from core.{to} import",1)))
        elif isinstance(n, ast.Import):
            for a in n.names:
                if a.name.startswith("core.") and new(a.name[5:])!=a.name[5:]:
                    print("PLAIN IMPORT", path, a.name)
    for a,b,t in sorted(edits,reverse=True):
        lines[a-1:b]=[t]
    text="".join(lines)
    if renames:
        toks=list(tokenize.generate_tokens(io.StringIO(text).readline)); out=[]; prev=None; spots=[]
        for i,t in enumerate(toks):
            if t.type==tokenize.NAME and t.string in renames and toks[i+1].string in (".",",",")") and (prev is None or prev.string!="."):
                spots.append((t.start,t.string))
            prev=t
        ls=text.splitlines(keepends=True)
        for i,t in enumerate(toks):
            if t.type==tokenize.STRING and t.string[:2].lower().startswith(("f",)) and t.start[0]==t.end[0]:
                for m in re.finditer(r"(?<![\w.])(%s)\."%"|".join(renames), t.string):
                    if "{" in t.string[:m.start()]: spots.append(((t.start[0],t.start[1]+m.start()),m.group(1)))
        spots=sorted(set(spots))
        for (r,c),s in reversed(spots):
            if ls[r-1].lstrip().startswith(("from ","import ")): continue
            ls[r-1]=ls[r-1][:c]+renames[s]+ls[r-1][c+len(s):]
        text="".join(ls)
    return text

def words(text):  # `core/pattern.py`, `core.lent`, strings for patches
    def dotted(m):
        to=new(m.group(1)); return "core."+to
    text=re.sub(r"(?<![\w/.])core\.((?:%s)(?:\.\w+)?)\b"%"|".join(sorted((re.escape(k) for k in MAP),key=len,reverse=True)), dotted, text)
    return re.sub(r"(?<![\w/])core/((?:\w+/)?\w+)\.py", lambda m: "core/"+new(m.group(1).replace("/",".")).replace(".","/")+".py", text)

if __name__=="__main__":
    for p in tree: p.write_text(rewrite(p,p.read_text()))
    docs=[Path(f) for f in subprocess.run(["git","ls-files","*.md","*.toml","Makefile",".ci/run","*.py","*.cff"],capture_output=True,text=True).stdout.split()]
    for p in docs:
        if p.exists() and p.suffix!=".py": p.write_text(words(p.read_text()))
    for p in tree:
        t=p.read_text(); out=[]
        for line in t.splitlines(keepends=True):
            out.append(line if re.match(r"\s*(from|import) ",line) else words(line))
        p.write_text("".join(out))
    for package in NEW_PACKAGES:
        Path("core",package).mkdir(exist_ok=True)
    order=sorted(MAP,key=lambda k:-k.count("."))
    for k in order:
        src=Path("core",*k.split(".")).with_suffix(".py")
        if not src.exists(): continue
        dst=Path("core",*MAP[k].split(".")).with_suffix(".py"); dst.parent.mkdir(exist_ok=True)
        tmp=src.with_name("__moving_"+src.name)
        subprocess.run(["git","mv",str(src),str(dst)],check=True)
    if Path("core/commands").is_dir():
        for f in list(Path("core/commands").glob("*.py")):
            subprocess.run(["git","mv",str(f),f"core/cli/{f.name}"],check=True)
