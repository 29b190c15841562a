"""What the page's words mean: each word is a button that opens its sentence, and "What am I looking at?" opens all."""

from html import escape

TERMS = {
    "pattern": ("Pattern (universal perturbation)", "One change of pixels that is added to every image alike."),
    "epsilon": ("Strength ε", "The largest change of any pixel value: 8/255 is 8 of 255 steps from black to white."),
    "jod": (
        "JOD",
        "How visible a change is, by ColorVideoVDP: 10 is no visible difference; at 9, 75% of observers prefer the "
        "original. Below 6.5 this page says “in plain sight”.",
    ),
    "standard": ("Standard model", "A network trained on clean images only."),
    "shared": (
        "Shared-trained model",
        "A network trained on images with patterns that were made to fool it, each shared by a heap of images "
        "(Mummadi, Brox, Metzen 2019). Adversarial training is the case of one image a pattern.",
    ),
    "held": (
        "Held-out images",
        "Images that neither a model nor a pattern has seen before. All results are measured on them, with a 95% "
        "interval.",
    ),
    "spgd": ("S-PGD", "The strongest attack here: many small steps uphill on the loss, each on other training images."),
    "noise": ("Random noise", "A control: every pixel is moved by ε up or down at random. An attack must do better."),
    "target": ("Target", "What the attacker wants a model to see, in place of any mistake."),
}
"""The words that have help: their titles and one or two sentences, by a short name."""

LOOKING = (
    "One fixed pattern is added to every image, whatever it shows.",
    "It was made on training images, for one model each, and is tried on images it has never seen.",
    "At equal effect both patterns fool their model equally often; what differs is how strong they have to be.",
    "The large pictures are what the models get, at true strength; hold Space to see the original.",
    "The small patterns beside them are amplified, so that one sees their shapes.",
)
"""What the page shows, in five sentences."""


def term(name: str, words: str = "") -> str:
    """A word as a button that opens its meaning."""
    shown = escape(words or TERMS[name][0])
    return f'<button type="button" class="term" popovertarget="term-{name}">{shown}</button>'


def glossary() -> str:
    """All that such buttons open; once on a page."""
    cards = "".join(
        f'<div popover id="term-{name}" class="help" role="dialog" aria-label="{escape(title)}">'
        f"<b>{escape(title)}</b><p>{escape(words)}</p></div>"
        for name, (title, words) in TERMS.items()
    )
    sentences = "".join(f"<li>{escape(sentence)}</li>" for sentence in LOOKING)
    words = "".join(f"<dt>{escape(title)}</dt><dd>{escape(text)}</dd>" for title, text in TERMS.values())
    return (
        f'{cards}<div popover id="looking" class="help wide" role="dialog" aria-label="What am I looking at?">'
        f"<b>What am I looking at?</b><ol>{sentences}</ol><b>The words</b><dl>{words}</dl>"
        f'<button type="button" popovertarget="looking" popovertargetaction="hide">Close</button></div>'
    )


QUESTION = (
    '<button type="button" popovertarget="looking" aria-label="What am I looking at?">'
    '<span class="long">What am I looking at?</span><span class="short">?</span></button>'
)
"""The button that opens the five sentences and all words."""
