import random
import tracemalloc

from components.deduplicate.index import Index, Match

STORY = (
    "{name} buys {n} boxes of pencils with 12 pencils in each box and gives half of all the pencils to the children of "
    "the school on the hill. How many pencils are left in the end?"
)
WORDS = "red green blue small large old new round flat warm cold loud quiet soft hard light dark deep"


def test_equal_text_is_an_exact_match_of_the_first_one_kept() -> None:
    index = Index(10, 0.8)

    assert index.find_or_add("a", "What is 2+2?") is None
    assert index.find_or_add("b", "What is  2 + 2") == Match("a", exact=True)
    assert len(index) == 1


def test_a_story_with_another_name_is_a_near_match() -> None:
    index = Index(10, 0.8)
    index.add("tom", STORY.format(name="Tom", n=3))

    assert index.find_or_add("eva", STORY.format(name="Eva", n=3)) == Match("tom", exact=False)


def test_a_story_with_other_numbers_is_another_question() -> None:
    index = Index(10, 0.8)

    assert [index.find_or_add(str(n), STORY.format(name="Tom", n=n)) for n in range(2, 9)] == [None] * 7


def test_less_similar_than_asked_for_is_no_match() -> None:
    one = "What is the area of the square with side 5?"
    other = "What is the perimeter of the square with side 5?"
    strict, lenient = Index(10, 0.8), Index(10, 0.5)
    for index in (strict, lenient):
        index.add("area", one)

    assert strict.find_or_add("perimeter", other) is None
    assert lenient.find_or_add("perimeter", one.replace("What", "Tell what")) == Match("area", exact=False)


def test_nearly_all_pairs_above_the_threshold_are_found() -> None:
    generator = random.Random(0)
    texts = [" ".join(generator.choices(WORDS.split(), k=60)) for _ in range(300)]
    index = Index(len(texts), 0.8)
    for number, text in enumerate(texts):
        index.add(str(number), text)

    found = 0
    for number, text in enumerate(texts):
        changed = text.split()
        changed[generator.randrange(3, 57)] = "changed"  # three of 58 triples: a similarity of 0.9
        match = index.find_or_add("new", " ".join(changed))
        found += match == Match(str(number), exact=False)
    assert found >= 298


def test_memory_is_a_few_hundred_bytes_a_question() -> None:
    generator = random.Random(0)
    texts = [" ".join(generator.choices(WORDS.split(), k=45)) for _ in range(1000)]
    tracemalloc.start()
    index = Index(1000, 0.8)
    for number, text in enumerate(texts):
        index.add(f"3f9c12ab-{number:07d}", text)
    num_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert num_bytes / len(index) < 500  # the arrays' room to grow included
