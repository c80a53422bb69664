"""The cut language: what it means, what it refuses, what it counts."""

from __future__ import annotations

import ast
import itertools
import math
import pickle
import random
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepnb.data.expressions import parse
from hepnb.data.language import evaluation
from hepnb.data.language.parser import MAX_DEPTH, MAX_LENGTH
from hepnb.errors import BadVariable, CutSyntaxError, HepnbError, UnknownVariable

NAN = math.nan
COLUMNS = {
    "x": np.array([-2.0, 0.0, 0.5, 3.0, NAN, math.inf]),
    "y": np.array([1.0, -1.5, NAN, 3.0, 2.0, -math.inf]),
    "b": np.array([True, False, True, False, True, False]),
    "n": np.array([0, 1, 2, 3, -4, 5]),
    "f": np.array([0.1, 0.2, 0.5, 3.0, NAN, -1.0], dtype=np.float32),
}


def value(text, columns=COLUMNS, **bind):
    return parse(text).bind(list(columns), **bind).evaluate(columns)


def scalar(text):
    return value(text, {"x": np.array([1.0])})[0]


def words(text):
    return text.split()


# --- an independent evaluator: Python's own parser, then one candidate at a time ----------------


class Scalar:
    """Walks Python's syntax tree for one candidate and notes whether a decision met NaN."""

    def __init__(self, row):
        self.row = row
        self.met_nan = False

    def truth(self, node):
        value = self(node)
        self.met_nan |= bool(np.isnan(value))
        return bool(value != 0 and not np.isnan(value))

    def compare(self, operator, left, right):
        if np.isnan(left) or np.isnan(right):
            self.met_nan = True
            return False
        return {
            ast.Lt: left < right,
            ast.LtE: left <= right,
            ast.Gt: left > right,
            ast.GtE: left >= right,
            ast.Eq: left == right,
            ast.NotEq: left != right,
        }[type(operator)]

    def __call__(self, node):  # noqa: C901, PLR0911 -- one case per kind of node
        match node:
            case ast.Expression():
                return self(node.body)
            case ast.Constant():
                return np.float64(node.value)
            case ast.Name():
                return np.float64(self.row[node.id])
            case ast.BoolOp():
                truths = [self.truth(each) for each in node.values]  # noqa: PD011 -- of a syntax tree
                return np.float64((all if isinstance(node.op, ast.And) else any)(truths))
            case ast.UnaryOp(op=ast.Not()):
                return np.float64(not self.truth(node.operand))
            case ast.UnaryOp():
                return self(node.operand) * (-1 if isinstance(node.op, ast.USub) else 1)
            case ast.Compare():
                operands = [self(each) for each in (node.left, *node.comparators)]
                pairs = itertools.pairwise(operands)
                decided = [
                    self.compare(op, *pair) for op, pair in zip(node.ops, pairs, strict=True)
                ]
                return np.float64(all(decided))
            case ast.BinOp():
                left, right = self(node.left), self(node.right)
                function = {
                    ast.Add: np.add,
                    ast.Sub: np.subtract,
                    ast.Mult: np.multiply,
                    ast.Div: np.divide,
                    ast.Pow: np.power,
                }[type(node.op)]
                return function(left, right)
            case ast.Call():
                function = {"abs": np.abs, "sqrt": np.sqrt, "min": np.minimum, "max": np.maximum}
                operands = [self(each) for each in node.args]
                chosen = function[node.func.id]
                if chosen in (np.minimum, np.maximum):
                    return np.float64(chosen.reduce(operands))
                return chosen(*operands)
        raise AssertionError(ast.dump(node))


def reference(text, columns):
    """Values, decisions and number of undecided candidates, one candidate at a time."""
    tree = ast.parse(text, mode="eval")
    rows = [dict(zip(columns, each, strict=True)) for each in zip(*columns.values(), strict=True)]
    values, decisions, undecided = [], [], 0
    with np.errstate(all="ignore"):
        for row in rows:
            walk = Scalar(row)
            values.append(walk(tree))
            walk = Scalar(row)
            decisions.append(walk.truth(tree.body))
            undecided += walk.met_nan
    return np.array(values), np.array(decisions), undecided


# dyadic numbers: sums and products are exact, so that == is as well defined as <
numbers = st.sampled_from(["0", "1", "2", "0.5", "-1.5", "3.", ".25", "4e0", "True", "False"])
atoms = st.one_of(st.sampled_from(["x", "y", "b", "n"]), numbers)


def _combine(inner):
    binary = st.sampled_from(words("+ - * / < <= > >= == != and or"))
    return st.one_of(
        st.builds("{} {} {}".format, inner, binary, inner),
        st.builds("({} {} {})".format, inner, binary, inner),
        st.builds(
            "({} {} {} {} {})".format,
            inner,
            st.sampled_from(words("< >= !=")),
            inner,
            st.sampled_from(words("<= > ==")),
            inner,
        ),
        st.builds("({}) ** {}".format, inner, st.sampled_from(["2", "3", "-1", "0"])),
        st.builds("-{}".format, inner),
        st.builds("({})".format, inner),
        st.builds("(not {})".format, inner),
        st.builds("abs({})".format, inner),
        st.builds("sqrt({})".format, inner),
        st.builds("min({}, {})".format, inner, inner),
        st.builds("max({}, {}, {})".format, inner, inner, inner),
    )


expressions = st.recursive(atoms, _combine, max_leaves=12)


def respell(text, rng):
    """The same expression with brackets, blanks and spellings of basf2 and ROOT."""
    brackets: list[bool] = []
    result = []
    for index, character in enumerate(text):
        called = index > 0 and text[index - 1].isalnum()
        if character == "(":
            brackets.append(not called and rng.random() < 0.5)
            result.append("[" if brackets[-1] else "(")
        elif character == ")":
            result.append("]" if brackets.pop() else ")")
        else:
            result.append(character)
    spelled = "".join(result)
    for python, root in ((" and ", " && "), (" or ", "||"), ("**", "^")):
        if rng.random() < 0.5:
            spelled = spelled.replace(python, root)
    return spelled


@settings(max_examples=400, deadline=None, derandomize=True)
@given(text=expressions, seed=st.integers(0, 99))
def test_expressions_agree_with_a_scalar_walk_of_pythons_own_parser(text, seed):
    columns = {name: COLUMNS[name].astype(float) for name in "xybn"}
    values, decisions, undecided = reference(text, columns)
    bound = parse(respell(text, random.Random(seed))).bind(list(COLUMNS))
    # exact: dyadic numbers, correctly rounded operations; NaN where NaN
    np.testing.assert_array_equal(bound.evaluate(COLUMNS), values)
    mask, count = bound.mask_counting(COLUMNS)
    np.testing.assert_array_equal(mask, decisions)
    np.testing.assert_array_equal(bound.mask(COLUMNS), decisions)
    assert count == undecided


def test_a_random_string_is_accepted_exactly_when_python_accepts_it():
    rng = random.Random(7)
    vocabulary = words("x y 2 0.5 + - * / ** < >= == and or not ( ) ( )")
    columns = {name: COLUMNS[name] for name in "xy"}
    accepted = 0
    for _ in range(20_000):
        text = " ".join(rng.choices(vocabulary, k=rng.randint(1, 8)))
        try:
            ast.parse(text, mode="eval")
        except SyntaxError:
            with pytest.raises(CutSyntaxError):
                parse(text)
            continue
        if "()" in text.replace(" ", "") or _calls(text):
            continue
        accepted += 1
        values, decisions, undecided = reference(text, columns)
        bound = parse(text).bind("xy")
        # 1e-14: numpy's vectorised powers may differ from its scalar ones in the last bit
        np.testing.assert_allclose(bound.evaluate(columns), values, rtol=1e-14)
        assert bound.mask(columns).tolist() == decisions.tolist()
        assert bound.mask_counting(columns)[1] == undecided
    assert accepted > 300  # enough were sensible for the test to mean something


def _calls(text):  # x(2), 2(x): a call to Python, refused here
    return any(isinstance(node, ast.Call) for node in ast.walk(ast.parse(text, mode="eval")))


def test_1e5_random_strings_only_ever_give_a_result_or_a_hepnb_error():
    rng = random.Random(3)
    characters = "xyKp_ .0123456789eE+-*/^<>=!&|()[],'\"\\\n\t;:%$#@~`{}?\0é\u2212"
    vocabulary = [
        *words("x y K_p p K nope abs sqrt min atan2 binaryID trinaryID and or not && || ! ** ^"),
        *words("+ - * / < <= > >= == != ( ) [ ] , 0 1 2.5 1e3 True False 1e999 0.6"),
    ]
    columns = {name: np.array([1.0, NAN, -2.0]) for name in ("x", "y", "K_p", "kaonID", "pionID")}
    results = 0
    start = time.process_time()
    for number in range(100_000):
        if number % 2:
            text = "".join(rng.choices(characters, k=rng.randint(0, 20)))
        else:
            text = " ".join(rng.choices(vocabulary, k=rng.randint(1, 9)))
        try:
            bound = parse(text).bind(list(columns), prefix="K")
            mask, count = bound.mask_counting(columns)
        except HepnbError:
            continue
        results += 1
        assert mask.shape == (3,)
        assert 0 <= count <= 3
    assert results > 1000
    assert time.process_time() - start < 15  # s; a tenth of it is usual


# --- meaning -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2**-1", 0.5),
        ("2^3", 8),
        ("2**3**2", 512),
        ("-2**2", -4),
        ("(-2)**2", 4),
        ("2**-1**2", 0.5),
        ("1 - 2 - 3", -4),
        ("8 / 4 / 2", 1),
        ("2 + 3 * 4", 14),
        ("[2 + 3] * 4", 20),
        ("- -3", 3),
        ("+3", 3),
        ("1e-3 * .5e+3", 0.5),
        ("7 / 2", 3.5),
        ("1/0", math.inf),
        ("0/0", NAN),
        ("(-1)**0.5", NAN),
        ("min(3, 1, 2)", 1),
        ("max(3, 0/0)", NAN),
        ("True + True", 2),
        ("true", True),
        ("1 < 2 < 3 < 4", True),
        ("1 < 3 < 2 < 4", False),
        ("3 > 2 == 2", True),
        ("not 1 > 2 and 1 > 2", False),
        ("not (1 > 2 and 1 > 2)", True),
        ("1 > 2 and 1 > 2 or 1 < 2", True),
        ("1 < 2 or 1 > 2 and 1 > 2", True),
        ("not not 3", True),
        ("!!3", True),
        ("!(1 > 2) && !0", True),
        ("0/0 == 0/0", False),
        ("0/0 != 0/0", False),
        ("not 0/0", True),
        ("not (0/0 > 1)", True),
    ],
)
def test_operators_mean_what_they_mean_in_python(text, expected):
    assert scalar(text) == expected or (math.isnan(expected) and math.isnan(scalar(text)))


@pytest.mark.parametrize(
    "name", ["sqrt", "exp", "log", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "abs"]
)
def test_functions_agree_with_the_math_module(name):
    points = np.linspace(0.05, 0.95, 50)
    function = abs if name == "abs" else getattr(math, name)
    # 1e-14: both are within a few units in the last place
    expected = [function(each) for each in points]
    np.testing.assert_allclose(value(f"{name}(x)", {"x": points}), expected, rtol=1e-14)
    both = value("atan2(x, -y)", {"x": points, "y": points[::-1].copy()})
    expected = [math.atan2(a, -b) for a, b in zip(points, points[::-1], strict=True)]
    np.testing.assert_allclose(both, expected, rtol=1e-14)


def test_basf2_python_and_root_spellings_are_one_cut():
    texts = [
        "[-3 < dz < 3] and [dr < 1] and not isBad",
        "-3<dz<3 and dr<1 and not isBad",
        "((dz > -3) && (dz < 3)) && dr < 1 && !isBad",
        "abs(dz) < 3\n  and dr < 1.0 and !(isBad)",
    ]
    rng = np.random.default_rng(5)
    columns = {
        "dz": rng.normal(0, 3, 1000),
        "dr": rng.exponential(1, 1000),
        "isBad": rng.random(1000) < 0.5,
    }
    expected = (np.abs(columns["dz"]) < 3) & (columns["dr"] < 1) & ~columns["isBad"]
    for text in texts:
        np.testing.assert_array_equal(value(text, columns), expected)


@pytest.mark.parametrize("text", ["", "  \n "])
def test_a_blank_cut_is_always_true(text):
    bound = parse(text).bind(["x"])
    assert bound.columns == ()
    assert bound.mask_counting(COLUMNS)[1] == 0
    assert bound.mask(COLUMNS).all()
    assert len(bound.mask(COLUMNS)) == 6


def test_names_are_listed_once_in_order_of_appearance():
    expression = parse("b and binaryID( K,pi )>.5 or a.c < b < binaryID(K, pi) + f(1.50, -2)")
    assert expression.names == ("b", "binaryID(K, pi)", "a.c", "f(1.5, -2)")
    assert str(expression) == expression.text


def test_only_the_needed_columns_are_asked_for():
    bound = parse("x > 1 and 0 * y < 1").bind(["x", "y", "z"])
    assert bound.columns == ("x", "y")
    assert bound.mask({"y": np.ones(2), "x": np.array([1, 2])}).tolist() == [False, True]


@pytest.mark.parametrize("dtype", ["float32", "float16", ">f8", "int8", "uint64", "bool"])
def test_any_type_of_column_is_computed_in_double_precision(dtype):
    column = np.array([0, 1, 1, 0, 1]).astype(dtype)
    result = value("x / 3", {"x": column})
    assert result.dtype == np.float64
    assert result.tolist() == [0, 1 / 3, 1 / 3, 0, 1 / 3]
    assert value("x", {"x": column}).dtype == np.float64
    assert value("x and x", {"x": column}).tolist() == [False, True, True, False, True]
    assert value("x > -1 and -x < 0.5", {"x": column}).all()


def test_single_precision_columns_are_compared_in_double_precision():
    column = np.array([0.1, 0.6], dtype=np.float32)  # 0.10000000149, 0.60000002384
    assert value("x > 0.1", {"x": column}).tolist() == [True, True]
    assert value("x == 0.6", {"x": column}).tolist() == [False, False]
    assert not (column > 0.6)[1]  # what numpy alone would have said


def test_nan_is_counted_once_per_candidate_however_many_comparisons_meet_it():
    bound = parse("-1 < x < 9 and x != 2 and abs(y) > 1 and f < 3").bind(list(COLUMNS))
    mask, undecided = bound.mask_counting(COLUMNS)
    assert undecided == 2  # rows 2 (y) and 4 (x and f)
    assert not mask[2]
    assert not mask[4]
    assert parse("x and y").bind("xy").mask_counting(COLUMNS)[1] == 2
    assert parse("x + y").bind("xy").mask_counting(COLUMNS)[1] == 3  # inf - inf is NaN as well
    assert parse("b and n").bind("bn").mask_counting(COLUMNS)[1] == 0
    assert parse("x > 1 or 0/0 > 1").bind("x").mask_counting(COLUMNS)[1] == 6


def test_nan_that_no_comparison_meets_is_not_counted():
    bound = parse("min(x, 1) > 0 and b").bind("xyb")
    assert bound.mask_counting({**COLUMNS, "x": np.ones(6)})[1] == 0


@pytest.mark.parametrize("rows", [0, 1, evaluation.BLOCK - 1, evaluation.BLOCK, 200_001])
def test_results_do_not_depend_on_where_blocks_end(rows, monkeypatch):
    rng = np.random.default_rng(11)
    columns = {"x": rng.normal(size=rows), "y": rng.normal(size=rows).astype(np.float32)}
    for column in columns.values():
        column[rng.random(rows) < 0.001] = np.nan
    bound = parse("[-1 < x < 1 or x*y > 0.5] and not y > 1").bind("xy")
    mask, undecided = bound.mask_counting(columns)
    x, y = columns["x"], columns["y"].astype(np.float64)
    np.testing.assert_array_equal(mask, ((x > -1) & (x < 1) | (x * y > 0.5)) & ~(y > 1))
    assert undecided == np.count_nonzero(np.isnan(x) | np.isnan(y))
    monkeypatch.setattr(evaluation, "BLOCK", 997)
    again, count = bound.mask_counting(columns)
    np.testing.assert_array_equal(again, mask)
    assert count == undecided
    monkeypatch.undo()


@pytest.mark.parametrize("text", ["x", "x + 1", "x * 2 - x", "b", "not x > 1", "1", "abs(x) and b"])
def test_evaluation_never_writes_into_its_input(text):
    before = {name: column.copy() for name, column in COLUMNS.items()}
    result = value(text)
    result[:] = 7
    for name, column in before.items():
        np.testing.assert_array_equal(COLUMNS[name], column)


def test_frames_lists_and_missing_values_are_columns_too():
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "n": pd.array([1, None, 3], dtype="Int64")})
    bound = parse("x > 1 and n > 1").bind(frame.columns)
    mask, undecided = bound.mask_counting(frame)
    assert mask.tolist() == [False, False, True]
    assert undecided == 1
    masked = np.ma.masked_array([1, 2, 3], mask=[True, False, False])
    assert parse("m > 0").bind("m").mask_counting({"m": masked})[1] == 1
    assert value("o", {"o": np.array([1, 2.5], dtype=object)}).tolist() == [1, 2.5]
    assert value("x", {"x": [1, 2]}).tolist() == [1, 2]


def test_a_bound_expression_travels_to_other_processes():
    bound = parse("binaryID(K, pi) > 0.5 and p != 2").bind(["kaonID", "pionID", "pt", "pz"])
    columns = {name: np.array([0.5, 0.1]) for name in bound.columns}
    again = pickle.loads(pickle.dumps(bound))
    assert again.mask(columns).tolist() == bound.mask(columns).tolist()


def test_a_list_of_thousands_of_runs_needs_few_buffers():
    text = " or ".join(f"run == {number}" for number in range(5000))
    bound = parse(text).bind(["run"])
    assert len(bound.decision.buffers) <= 4
    run = np.array([-1, 0, 4999, 5000])
    assert bound.mask({"run": run}).tolist() == [False, True, True, False]


def test_what_stands_twice_is_computed_once():
    bound = parse("abs(x) > 1 and abs(x) < 2 and not abs(x) == 1.5").bind("x")
    functions = [step.function for step in bound.decision.steps]
    assert functions.count(np.abs) == 1
    assert functions.count(None) == 1  # and looked through for NaN once


# --- looking names up ----------------------------------------------------------------------------


def test_names_are_aliases_then_prefixed_then_plain_columns_then_meta_variables():
    available = ["K_p", "p", "pt", "K_pz", "pz"]

    def columns(text, **bind):
        return parse(text).bind(available, **bind).columns

    assert columns("p", prefix="K", aliases={"p": "K_pz"}) == ("K_pz",)
    assert columns("p", prefix="K", aliases={"K_p": "K_pz"}) == ("K_pz",)
    assert columns("p", prefix="K", aliases={"K_p": "2 * p", "pi_p": "p"}) == ("K_p",)
    assert columns("p", prefix="K") == ("K_p",)
    assert columns("`p`", prefix="K", aliases={"p": "K_pz"}) == ("p",)
    with pytest.raises(UnknownVariable, match="`q`"):
        columns("`q`")
    assert columns("p", prefix="D") == ("p",)
    assert columns("pt", prefix="K") == ("pt",)
    assert parse("p").bind(["pt", "pz"]).columns == ("pt", "pz")
    assert parse("K_p > 1").bind(["K_p"], prefix="K").columns == ("K_p",)


def test_a_variable_is_computed_from_aliases_with_the_prefix_of_columns_without():
    aliases = {"mu_pt": "pt2", "mu_eta": "eta2"}
    bound = parse("p").bind(["pt2", "eta2"], prefix="mu", aliases=aliases)
    found = bound.evaluate({"pt2": np.array([3.0]), "eta2": np.array([0.5])})
    np.testing.assert_allclose(found, 3.0 * np.cosh(0.5), rtol=1e-15)


def test_aliases_are_expressions_of_aliases():
    aliases = {"good": "clean and kaonID > 0.6", "clean": "abs(dz) < 3"}
    bound = parse("good or not clean").bind(["K_dz", "K_kaonID"], prefix="K", aliases=aliases)
    columns = {"K_dz": np.array([0, 5, 0, NAN]), "K_kaonID": np.array([0.7, 0.7, 0.5, 0.7])}
    assert bound.columns == ("K_dz", "K_kaonID")
    mask, undecided = bound.mask_counting(columns)
    assert mask.tolist() == [True, True, False, True]
    assert undecided == 1


@pytest.mark.parametrize(
    ("aliases", "error", "words"),
    [
        ({"a": "a"}, BadVariable, "'a' is defined by itself"),
        ({"a": "b + 1", "b": "2 * c", "c": "-a"}, BadVariable, "alias a -> alias b -> alias c"),
        ({"a": "(1"}, CutSyntaxError, "alias 'a': '(' is never closed"),
        ({"a": " "}, BadVariable, "'a' is empty"),
        ({"a": "kaonIDD"}, UnknownVariable, "in alias 'a' = \"kaonIDD\" (column 1), used in cut"),
        ({f"a{n or ''}": f"a{n + 1}" for n in range(99)}, BadVariable, "aliases of aliases"),
    ],
)
def test_aliases_that_lead_nowhere_are_errors(aliases, error, words):
    with pytest.raises(error) as caught:
        parse("1 + a").bind(["kaonID"], aliases=aliases)
    assert words in str(caught.value)


def test_an_unknown_name_is_reported_with_its_place_and_the_nearest_name():
    with pytest.raises(UnknownVariable) as caught:
        parse("kaonIDD > 0.5").bind(["K_kaonID", "K_dr"], prefix="K")
    assert str(caught.value) == (
        "'kaonIDD' in cut \"kaonIDD > 0.5\" (column 1); did you mean 'kaonID'?"
    )


@pytest.mark.parametrize(
    ("text", "prefix", "column", "suggestion"),
    [
        ("[dr < 1] and kaonIDD > 0.5", "K", 14, "; did you mean 'kaonID'?"),
        ("kaonID > 0.5", "", 1, "; did you mean 'K_kaonID'?"),
        ("dr > 1 or goood", "K", 11, "; did you mean 'good'?"),
        ("cosThet < 1", "K", 1, "; did you mean 'cosTheta'?"),
        ("zzzzzz", "K", 1, ""),
        ("1 < abz(dr)", "K", 5, "; did you mean 'abs'?"),
        ("binaryId(K, pi)", "K", 1, "; did you mean 'binaryID'?"),
    ],
)
def test_suggestions_are_spelled_as_the_user_would(text, prefix, column, suggestion):
    with pytest.raises(UnknownVariable) as caught:
        parse(text).bind(["K_kaonID", "K_dr"], prefix=prefix, aliases={"good": "1"})
    assert str(caught.value).endswith(f"(column {column}){suggestion}")


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("x >", 4, "expected a value, found the end"),
        ("x > > 1", 5, "expected a value, found '>'"),
        ("x y", 3, "expected an operator, found 'y'"),
        ("2x", 2, "expected an operator, found 'x'"),
        ("x > (1 + 2", 5, "'(' is never closed"),
        ("[x > 1)", 7, "expected ']', found ')'"),
        ("x > 1]", 6, "']' was never opened"),
        ("()", 2, "expected a value"),
        ("x = 1", 3, "equality is '=='"),
        ("x & y", 3, "write 'and' or '&&'"),
        ("x | y", 3, "write 'or' or '||'"),
        ("x == 'G'", 6, "give the column number codes"),
        ("x ; y", 3, "';' is not part of a cut"),
        ("x \u2212 1", 3, "is not part of a cut"),
        ("x[0] > 1", 2, "expected an operator, found '['"),
        ("min(x)", 1, "'min' takes at least 2 operands, not 1"),
        ("1 + sqrt(x, y)", 5, "'sqrt' takes 1 operands, not 2"),
        ("abs()", 5, "expected a value"),
        ("abs(x,)", 7, "expected a value"),
        ("f(x + 1)", 3, "arguments of 'f' are labels or numbers"),
        ("f(", 3, "found the end"),
        ("f(K pi)", 3, "arguments of 'f'"),
        ("1 + not x", 5, "in brackets"),
        ("x == !y", 6, "in brackets"),
        ("!x > 1", 1, "write !(a > b) or (!a) > b"),
        ("1e999 > x", 1, "too large"),
        ("__import__('os')", 12, "is not part of a cut"),
        ("x.__class__.__name__()()", 23, "expected an operator"),
        ("lambda: 0", 7, "is not part of a cut"),
    ],
)
def test_a_syntax_error_points_at_the_character(text, column, words):
    with pytest.raises(CutSyntaxError) as caught:
        parse(text)
    assert f"(column {column})" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "x" + ")" * 5000,
        "[" * 5000,
        "-" * 5000 + "x",
        "not " * 5000 + "x",
        "!" * 5000 + "x",
        "x" + "**x" * 5000,
        "abs(" * 5000 + "x" + ")" * 5000,
        "1+(" * 5000 + "x" + ")" * 5000,
    ],
)
def test_deep_nesting_is_an_error_of_its_own(text):
    with pytest.raises(CutSyntaxError, match="nested more than 100 deep"):
        parse(text)


@pytest.mark.parametrize("opening", ["(", "1+(", "abs(", "not (", "x and (", "2*-("])
def test_nesting_up_to_the_limit_works(opening):
    levels = MAX_DEPTH // 3
    text = opening * levels + "x" + ")" * levels
    assert parse(text).bind("x").evaluate({"x": np.ones(1)}).shape == (1,)


def test_long_strings_work_up_to_the_limit():
    text = "x" + "+x" * ((MAX_LENGTH - 1) // 2)
    assert value(text, {"x": np.ones(1)})[0] == 1 + (MAX_LENGTH - 1) // 2
    with pytest.raises(CutSyntaxError, match="too many"):
        parse(text + "+x")


def test_an_error_in_a_long_string_shows_the_part_around_it():
    with pytest.raises(CutSyntaxError) as caught:
        parse("x > 1 and " * 1000 + "x >> 1")
    assert len(str(caught.value)) < 200
    assert "x >> 1" in str(caught.value)
    assert "(column 10004)" in str(caught.value)


def test_a_cut_that_is_no_string_is_refused():
    with pytest.raises(CutSyntaxError, match="a cut is a string, not NoneType"):
        parse(None)


@pytest.mark.parametrize(
    ("columns", "error", "words"),
    [
        ({"y": np.ones(2)}, UnknownVariable, "'x' is not among those given"),
        ({"x": np.ones(2), "y": np.ones(3)}, BadVariable, "'x' has 2 rows, 'y' 3"),
        ({"x": np.ones((2, 2)), "y": np.ones(2)}, BadVariable, "'x' has 2 dimensions"),
        ({"x": np.array(["G", "T"]), "y": np.ones(2)}, BadVariable, "'x' is text"),
        ({"x": np.array(["1", "2"], dtype=object), "y": np.ones(2)}, BadVariable, "'x' is text"),
        ({"x": np.ones(2) * 1j, "y": np.ones(2)}, BadVariable, "'x' is of type complex128"),
        ({"x": np.array([{}, 1]), "y": np.ones(2)}, BadVariable, "'x' is of type object"),
    ],
)
def test_columns_that_are_no_numbers_are_refused(columns, error, words):
    with pytest.raises(error) as caught:
        parse("x + y").bind("xy").evaluate(columns)
    assert words in str(caught.value)
