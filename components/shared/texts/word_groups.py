"""Words of word problems: which mean the same, which say nothing, and which one may never be taken for another."""

from __future__ import annotations

import re
from functools import lru_cache

# Words with one meaning here; the first of each line stands for all. Forms in "s", "ed" and "ing" are understood.
_SAME = """
find determine compute calculate evaluate
buy bought purchase
begin began begun start commence
finish complete
child children kid kids youngster
large big huge
small little tiny
store shop
car automobile
each every
give gave given hand
receive get got gotten obtain
make made produce manufacture create
total altogether overall combined
remain left leftover
need require
choose chose chosen pick select
house home
money cash
street road
whole entire
fast quick rapid
largest greatest biggest maximum maximal max
smallest least minimum minimal min
friend pal buddy
mother mom mum mommy mama
father dad daddy papa
grandmother grandma granny
grandfather grandpa granddad
picture photo photograph
bag sack
cookie cookies biscuit
candy sweet
soda pop
trip journey
film movie movies
trash garbage
couch sofa
student pupil
teacher instructor
baby infant
bike bicycle
phone telephone
tv television
lawyer attorney
doctor physician
worker employee
collect gather
throw threw thrown toss
repair fix mend
plan intend
want wish desire
help assist aid
show shown display
leave depart
amount quantity
identical same
different distinct
about approximately roughly around
almost nearly
often frequently
usually normally typically
rich wealthy
happy glad
difficult hard
wrong incorrect
under below beneath
suppose assume
contain hold held
divide split
combine join
increase grow grew grown rise risen
decrease reduce decline fall fell fallen
put place
speak spoke talk
write wrote written
eat ate eaten consume
sell sold
pay paid
spend spent
drive drove driven
run ran
take took taken
keep kept
go went gone
see saw seen
bring brought
catch caught
lose lost
build built construct
have has had
be is are was were been being
do does did
can could
will would shall
sit sat
think thought
say said
tell told
know knew known
fly flew flown
swim swam swum
draw drew drawn
teach taught
feed fed
grandchild grandchildren
man men
woman women
person people persons
foot feet
mouse mice
tooth teeth
dish plate
also additionally
currently now presently
initially originally
cent penny pennies
ride rode ridden
lend lent
earn earns
ask inquire
reply respond
consecutive successive
job task
yard garden
ill sick
rug carpet
present gift
color colour
favorite favourite
neighbor neighbour
flavor flavour
theater theatre
center centre
gray grey
organize organise
traveler traveller
travel travelled travelling
math maths mathematics
program programme
"""

_IDLE = """
a an the please just simply exactly very that which who per so your you us our therefore thus
"""
_GENDERED = "he she him her his hers himself herself"
_TITLES = "mr mrs ms miss dr mister"

# Words on which the order of two sentences hangs.
_ORDER = """
then next after afterwards afterward later finally remain rest another again before previous previously subsequently
this these those such former latter still
"""

# Words of mathematics, of measure and of question: none of them is a name, a thing that is counted, or a typing error
# for another word of this file.
_FIXED = """
how what where when why whose whom many much long far old wide tall high deep heavy often if let given there it its
they them their we i in on at of to by for from with without within into onto between among than as and or but nor not
no none both either neither all any some most more less few fewer least only even odd prime composite perfect negative
positive nonnegative nonzero zero one two three sum difference product quotient remainder ratio rate percent
percentage average mean median mode range variance deviation probability chance odds expected value number numbers
integer digit fraction decimal numerator denominator factor multiple divisor divisible gcd lcm power root square cube
cubic squared cubed exponent logarithm base degree angle side length width height depth radius diameter circumference
perimeter area volume surface triangle rectangle rhombus trapezoid parallelogram quadrilateral polygon pentagon
hexagon heptagon octagon decagon circle ellipse parabola hyperbola sphere cylinder cone pyramid prism cuboid
tetrahedron octahedron line segment ray plane point vertex vertices edge face altitude bisector centroid orthocenter
incenter circumcenter incircle circumcircle tangent secant chord arc sector inscribed circumscribed interior exterior
acute obtuse right isosceles equilateral scalene regular congruent similar parallel perpendicular equation inequality
function polynomial quadratic linear solution coefficient constant variable domain inverse derivative integral limit
sequence series arithmetic geometric harmonic term matrix determinant vector complex real rational irrational natural
imaginary permutation combination arrangement ordered unordered consecutive distinct equal same different identical
unique subset set element union intersection complement event independent dependent sample with replacement simplify
solve factor expand prove graph sketch estimate round write express minute hour day week month year decade century
second morning afternoon evening night today tomorrow yesterday daily weekly monthly yearly annual meter metre
kilometer kilometre centimeter centimetre millimeter millimetre mile inch foot yard gram kilogram pound ounce ton
liter litre gallon quart pint cup dollar cent euro coin dime nickel quarter half third fourth fifth sixth twice double
triple dozen pair couple head tail dice die card deck heart spade club diamond king queen ace suit speed velocity
distance time weight mass price cost profit loss discount tax tip interest rent salary wage income budget change
larger smaller greater longer shorter taller higher lower older younger faster slower heavier lighter cheaper increase
decrease add subtract multiply divide above below under over up down north south east west top bottom left inside
outside forward backward clockwise true false always never sometimes once each every total remain largest smallest
first last january february march april may june july august september october november december monday tuesday
wednesday thursday friday saturday sunday fibonacci lucas catalan euler roman arabic fahrenheit celsius kelvin simpson
newton pascal fermat mersenne bernoulli taylor maclaurin fourier laplace gauss cauchy riemann english french christmas
easter inclusive exclusive inclusively exclusively tablespoon teaspoon tbsp tsp leap common solo duo duet trio quartet
quintet sextet septet octet twin triplet quadruplet quintuplet sextuplet vowel consonant uppercase lowercase capital
together soccer football basketball baseball volleyball softball handball hockey rugby cricket tennis weekday weekend
fortnight
"""

_ENDINGS = (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("zes", "z"))
_DOUBLED = re.compile(r"([bdgmnprt])\1$")
_SHORTEST = 5  # letters of a word that an ending is taken from


@lru_cache(maxsize=50_000)
def stem_of(word: str) -> str:
    """Return a word without its endings: purchases, purchased and purchasing are one."""
    for ending, plain in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word[: -len(ending)] + plain
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if len(word) > _SHORTEST and word.endswith(ending):
            word = _DOUBLED.sub(r"\1", word[: -len(ending)])
    return word[:-1] if len(word) >= _SHORTEST and word.endswith("e") else word


def _stems(table: str) -> frozenset[str]:
    return frozenset(map(stem_of, table.split()))


SAME = {stem_of(word): stem_of(line.split()[0]) for line in _SAME.strip().splitlines() for word in line.split()}
IDLE = frozenset(_IDLE.split())
GENDERED = frozenset(_GENDERED.split())
TITLES = frozenset(_TITLES.split())
ORDER = _stems(_ORDER)
# Synonyms that name things: one may be counted in the place of another.
THINGS = _stems("cookie candy soda film picture bag couch")
KNOWN = _stems(_FIXED) | _stems(_IDLE) | _stems(_GENDERED) | _stems(_TITLES) | ORDER | SAME.keys()
