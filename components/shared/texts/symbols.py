"""Unicode's mathematical symbols in LaTeX, and its dashes, quotes, digits and spaces in ASCII."""

from __future__ import annotations

import re
import unicodedata

INVISIBLE = (
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff"
)
_VISIBLE = str.maketrans(dict.fromkeys(INVISIBLE, ""))
_ASCII = str.maketrans(
    {
        **dict.fromkeys("‐‑‒–—―−﹣－", "-"),
        **dict.fromkeys("‘’‚‛′´`", "'"),
        **dict.fromkeys("“”„‟″", '"'),
        **dict.fromkeys("⁄∕／", "/"),
        **dict.fromkeys("∗＊⁎", "*"),
        **dict.fromkeys(INVISIBLE, ""),
        **dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "),
        "⟨": r"\langle ",
        "⟩": r"\rangle ",
        "∶": ":",
        "：": ":",
        "，": ",",
        "、": ",",
        "。": ".",
        "；": ";",
        "％": "%",
        "＝": "=",
    }
)
_COMMANDS = {
    "×": "times", "·": "cdot", "⋅": "cdot", "∙": "cdot", "•": "cdot", "÷": "div", "±": "pm", "∓": "mp", "≤": "leq",
    "⩽": "leq", "≥": "geq", "⩾": "geq", "≦": "leq", "≧": "geq", "≠": "neq", "≈": "approx", "≅": "cong",
    "≡": "equiv", "∼": "sim", "∝": "propto", "∞": "infty", "∪": "cup", "∩": "cap", "∈": "in", "∉": "notin",
    "⊂": "subset", "⊆": "subseteq", "∅": "emptyset", "∀": "forall", "∃": "exists", "∑": "sum", "∏": "prod",
    "∫": "int", "∂": "partial", "∇": "nabla", "∠": "angle", "△": "triangle", "⊥": "perp", "∥": "parallel",
    "→": "to", "⇒": "Rightarrow", "⟹": "Rightarrow", "↦": "mapsto", "⇔": "Leftrightarrow", "⌊": "lfloor",
    "⌋": "rfloor", "⌈": "lceil", "⌉": "rceil", "…": "ldots", "⋯": "cdots", "∘": "circ", "ℝ": "mathbb{R}",
    "ℤ": "mathbb{Z}", "ℕ": "mathbb{N}", "ℚ": "mathbb{Q}", "ℂ": "mathbb{C}", "∣": "mid", "∖": "setminus",
    "¬": "neg", "∧": "wedge", "∨": "vee", "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon",
    "ζ": "zeta", "η": "eta", "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "µ": "mu",
    "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi", "χ": "chi",
    "ψ": "psi", "ω": "omega", "ϕ": "phi", "ϑ": "theta", "Γ": "Gamma", "Δ": "Delta", "∆": "Delta", "Θ": "Theta",
    "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱˣʸ", "0123456789+-=()nixy", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₙₘₖᵢⱼ", "0123456789+-=()aeoxnmkij", strict=True))
_RAISED = re.compile(f"[{re.escape(''.join(_SUPERSCRIPTS))}]+")
_LOWERED = re.compile(f"[{re.escape(''.join(_SUBSCRIPTS))}]+")
_VULGAR = re.compile("[\u00bc-\u00be\u2150-\u215e]")
_ROOT = re.compile(r"([√∛∜])\s*(?:\(([^()]*)\)|\{([^{}]*)\}|(\d+(?:\.\d+)?|[^\W\d_]|\\[a-zA-Z]+)|)")
_COMMAND = re.compile("|".join(map(re.escape, _COMMANDS)))
_ROOTS = {"√": r"\sqrt", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]"}


def without_invisible(text: str) -> str:
    """Return a text without characters that nobody sees, such as a zero-width space."""
    return text if text.isascii() else text.translate(_VISIBLE)


def in_latex(text: str) -> str:
    r"""Return a text with the command of LaTeX for each sign of mathematics in Unicode: ``√7`` is ``\sqrt{7}``.

    Text in ASCII comes back as it is.
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    text = _RAISED.sub(lambda run: "^{" + "".join(map(_SUPERSCRIPTS.__getitem__, run[0])) + "}", text)
    text = _LOWERED.sub(lambda run: "_{" + "".join(map(_SUBSCRIPTS.__getitem__, run[0])) + "}", text)
    text = _VULGAR.sub(_fraction, text)
    text = _COMMAND.sub(lambda sign: f"\\{_COMMANDS[sign[0]]} ", text.translate(_ASCII))
    text = _ROOT.sub(_root, text).replace("°", r"^{\circ}").replace("º", r"^{\circ}")
    return "".join(map(_compatible, text))


def _root(sign: re.Match[str]) -> str:
    inside = sign[2] or sign[3] or sign[4]
    return f"{_ROOTS[sign[1]]}{{{inside}}}" if inside else f"{_ROOTS[sign[1]]} "


def _fraction(sign: re.Match[str]) -> str:
    top, _, bottom = unicodedata.normalize("NFKC", sign[0]).partition("⁄")
    return rf"\frac{{{top}}}{{{bottom}}}"


def _compatible(character: str) -> str:
    """Return full-width and styled letters and digits as plain ones; letters with accents stay."""
    if character.isascii() or not unicodedata.decomposition(character).startswith("<"):
        return character
    return unicodedata.normalize("NFKC", character)
