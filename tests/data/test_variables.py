"""Meta-variables: those that hepnb brings, and plug-ins in each of their forms."""

from __future__ import annotations

import importlib.metadata
import itertools
import logging
import math
import sys

import numpy as np
import pytest

from hepnb.data import variables
from hepnb.data.expressions import parse
from hepnb.data.meta_variables import HYPOTHESES
from hepnb.data.variables import VariableBase, VariableManager, manager, variable
from hepnb.errors import BadVariable, HepnbError, UnknownVariable

PID = {
    "kaonID": np.array([0.5, 0.2, 0.0]),
    "pionID": np.array([0.25, 0.2, 0.0]),
    "protonID": np.array([0.25, 0.4, 0.0]),
}


@pytest.fixture(autouse=True)
def _registry_as_it_was(monkeypatch):
    """What a test registers is gone after it."""
    monkeypatch.setattr(manager, "_entries", dict(manager._entries))


def value(text, columns, **bind):
    return parse(text).bind(list(columns), **bind).evaluate(columns)


# --- identification ------------------------------------------------------------------------------


def test_binary_id_is_the_first_over_the_sum_and_nan_where_both_are_zero():
    ratio = value("binaryID(K, pi)", PID)
    expected = PID["kaonID"][:2] / (PID["pionID"] + PID["kaonID"])[:2]
    np.testing.assert_array_equal(ratio[:2], expected)
    assert math.isnan(ratio[2])
    mask, undecided = parse("binaryID(K, pi) > 0.4").bind(list(PID)).mask_counting(PID)
    assert mask.tolist() == [True, True, False]
    assert undecided == 1


def test_trinary_id_is_the_first_over_the_sum_of_three():
    np.testing.assert_array_equal(value("trinaryID(p, K, pi)", PID)[:2], [0.25, 0.5])
    assert math.isnan(value("trinaryID(p, K, pi)", PID)[2])


def test_each_hypothesis_has_its_variable_and_follows_the_prefix():
    for label, name in HYPOTHESES.items():
        other = "K" if label != "K" else "pi"
        expected = tuple(sorted((f"t_{name}", f"t_{HYPOTHESES[other]}")))
        columns = [f"t_{each}" for each in HYPOTHESES.values()]
        assert parse(f"binaryID({label}, {other})").bind(columns, prefix="t").columns == expected
    assert tuple(HYPOTHESES) == ("e", "mu", "pi", "K", "p", "d")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "1 < binaryID(K)",
            "'binaryID' takes 2 arguments, not 1 (K), in cut \"1 < binaryID(K)\" (c",
        ),
        ("binaryID()", "'binaryID' takes 2 arguments, not 0"),
        ("binaryID", "'binaryID' takes 2 arguments, not 0"),
        ("binaryID(K, pi, p)", "'binaryID' takes 2 arguments, not 3 (K, pi, p)"),
        ("trinaryID(K, pi)", "'trinaryID' takes 3 arguments, not 2"),
        ("binaryID(K, k)", "'k' is not a hypothesis (known: e, mu, pi, K, p, d)"),
        ("binaryID(pi, pio)", "did you mean 'pi'?"),
        ("binaryID(K, 321)", "321.0 is not a hypothesis"),
        ("binaryID(K, K)", "hypotheses must differ: K, K"),
        ("p(K)", "'p' takes 0 arguments, not 1"),
    ],
)
def test_wrong_arguments_are_named_with_what_is_allowed(text, words):
    with pytest.raises(BadVariable) as caught:
        parse(text).bind(list(PID))
    assert words in str(caught.value)


def test_a_missing_identification_is_named_with_who_needs_it():
    with pytest.raises(UnknownVariable) as caught:
        parse("dr < 1 and binaryID(K, mu) > 0.5").bind(["t_kaonID", "t_dr"], prefix="t")
    assert "'muonID' needed by binaryID(K, mu) in cut" in str(caught.value)
    assert "(column 12)" in str(caught.value)


def test_columns_of_two_particles_are_never_mixed_into_one_quantity():
    with pytest.raises(UnknownVariable, match=r"needed by .* must all carry the prefix"):
        parse("binaryID(K, pi)").bind(["K_kaonID", "pionID"], prefix="K")
    with pytest.raises(UnknownVariable, match="'p' is neither a column nor computable"):
        parse("p").bind(["K_pt", "pz"], prefix="K")
    bound = parse("p").bind(["K_px", "K_py", "K_pz", "pt", "pz"], prefix="K")
    assert bound.columns == ("K_px", "K_py", "K_pz")
    assert parse("p").bind(["K_px", "pt", "pz"], prefix="K").columns == ("pt", "pz")


# --- kinematics ----------------------------------------------------------------------------------


def _tracks():
    rng = np.random.default_rng(2)
    p = rng.uniform(0.1, 5, 200)
    theta = rng.uniform(0.1, 3.0, 200)
    phi = rng.uniform(-3.1, 3.1, 200)
    pt, pz = p * np.sin(theta), p * np.cos(theta)
    px, py = pt * np.cos(phi), pt * np.sin(phi)
    eta = 0.5 * np.log((p + pz) / (p - pz))  # by its definition from the momentum
    return {
        "p": p, "pt": pt, "px": px, "py": py, "pz": pz,
        "theta": theta, "phi": phi, "eta": eta, "cosTheta": np.cos(theta),
    }  # fmt: skip


TRACKS = _tracks()


@pytest.mark.parametrize("name", TRACKS)
def test_each_kinematic_quantity_follows_from_whatever_determines_it(name):
    others = [each for each in TRACKS if each != name]
    found = 0
    for size in (1, 2, 3):
        for given in itertools.combinations(others, size):
            columns = {f"K_{each}": TRACKS[each] for each in given}
            try:
                bound = parse(name).bind(list(columns), prefix="K")
            except UnknownVariable:
                continue
            found += 1
            # 1e-9: (p - pz)(p + pz) of tracks near the beam amplifies rounding by up to 1e3
            np.testing.assert_allclose(bound.evaluate(columns), TRACKS[name], rtol=1e-9, atol=1e-12)
    assert found >= 7  # phi: px and py, with or without any of six others


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("p", ["px", "py", "pz"]),
        ("p", ["pt", "cosTheta"]),
        ("p", ["pt", "pz"]),
        ("cosTheta", ["px", "py", "pz"]),
        ("eta", ["pt", "pz"]),
        ("px", ["p", "theta", "phi"]),
        ("pz", ["pt", "eta"]),
        ("theta", ["eta"]),
        ("pt", ["p", "cosTheta"]),
    ],
)
def test_the_usual_components_are_enough(name, given):
    columns = {each: TRACKS[each] for each in given}
    np.testing.assert_allclose(value(name, columns), TRACKS[name], rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "given"),
    [("p", ["pt"]), ("cosTheta", ["p", "pt"]), ("phi", ["p", "theta"]), ("pz", ["px", "py", "p"])],
)
def test_what_is_not_determined_is_not_computed(name, given):
    with pytest.raises(UnknownVariable, match=f"'{name}' is neither a column nor computable"):
        parse(name).bind(given)


def test_columns_win_over_computing_and_few_steps_over_many():
    assert parse("p").bind(["p", "px", "py", "pz"]).columns == ("p",)
    assert parse("p").bind(["px", "py", "pz", "pt"]).columns == ("px", "py", "pz")
    assert parse("p").bind(["px", "py", "pt", "cosTheta"]).columns == ("cosTheta", "pt")
    assert parse("eta").bind(["px", "py", "pz", "theta"]).columns == ("theta",)
    aliased = parse("p").bind(["a", "pz"], aliases={"pt": "a / 1000"})
    assert aliased.columns == ("a", "pz")


# --- plug-ins ------------------------------------------------------------------------------------


def test_a_class_as_users_of_the_original_write_it_is_usable_in_strings():
    table = {"K": "kaonID", "pi": "pionID", "p": "protonID"}

    class TrinaryVariable(VariableBase):
        def __init__(self, arguments: list):
            super().__init__(name="trinaryID", arguments=arguments, args_range=(3, 3))
            self.dependencies = [table[each] for each in arguments]

        def run(self, df):
            total = df[self.dependencies].sum(axis=1)
            df["scratch"] = total  # a plug-in may well write into its frame
            return df[self.dependencies[0]] / total

    manager.register_variable("trinaryID", TrinaryVariable)
    columns = {f"K_{name}": column for name, column in PID.items()}
    before = {name: column.copy() for name, column in columns.items()}
    result = value("trinaryID(p, K, pi)", columns, prefix="K")
    np.testing.assert_array_equal(result, [0.25, 0.5, np.nan])
    assert value("[trinaryID(p,K,pi) >= .5] && kaonID < .3", columns, prefix="K").tolist() == [
        False, True, False,
    ]  # fmt: skip
    for name, column in before.items():
        np.testing.assert_array_equal(columns[name], column)
    with pytest.raises(BadVariable, match="'trinaryID' takes 3 arguments, not 2"):
        parse("trinaryID(K, pi)").bind(list(columns), prefix="K")
    with pytest.raises(BadVariable, match="KeyError: 'mu'"):
        parse("trinaryID(K, pi, mu)").bind(list(columns), prefix="K")


def test_a_decorated_function_is_a_variable_with_arguments():
    @variable("scaled", args=(1, 2), dependencies=["kaonID"])
    def scaled(columns, factor, offset=0.0):
        return columns["kaonID"] * factor + offset

    np.testing.assert_array_equal(value("scaled(2)", PID), 2 * PID["kaonID"])
    np.testing.assert_array_equal(value("scaled( 2, -.5 )", PID), 2 * PID["kaonID"] - 0.5)
    assert scaled({"kaonID": 1.0}, 3) == 3  # the function itself is untouched
    with pytest.raises(BadVariable, match="'scaled' takes 1 to 2 arguments, not 3"):
        parse("scaled(1, 2, 3)").bind(list(PID))


def test_dependencies_may_be_expressions_aliases_and_other_variables():
    @variable("first", dependencies=["abs(dz) + 1", "clean"])
    def first(columns):
        return columns["abs(dz) + 1"] * columns["clean"]

    @variable("second", dependencies=lambda: ["first", "binaryID(K, pi)"])
    def second(columns):
        return columns["first"] + columns["binaryID(K, pi)"]

    columns = {"K_dz": np.array([-1.0, 2.0]), "K_kaonID": np.ones(2), "K_pionID": np.ones(2)}
    bound = parse("second").bind(list(columns), prefix="K", aliases={"clean": "dz < 0"})
    assert bound.columns == ("K_dz", "K_kaonID", "K_pionID")
    assert bound.evaluate(columns).tolist() == [2.5, 0.5]


def test_alternatives_are_tried_in_order():
    @variable("length", dependencies=[("a",), ("b", "c")])
    def length(columns):
        return sum(columns.values())

    assert parse("length").bind("abc").columns == ("a",)
    assert parse("length").bind("bc").columns == ("b", "c")
    with pytest.raises(UnknownVariable, match=r"from \(a\) or \(b, c\), in cut \"length\""):
        parse("length").bind("b")


def test_a_plug_in_sees_double_precision_it_cannot_write_to():
    seen = []

    @variable("peek", dependencies=["n"])
    def peek(columns):
        seen.append(columns["n"].dtype)
        columns["n"][0] = 99
        return columns["n"]

    with pytest.raises(BadVariable, match="'peek' failed: ValueError"):
        value("peek", {"n": np.array([1, 2])})
    assert seen == [np.float64]


@pytest.mark.parametrize("constant", [False, True])
def test_a_plug_in_may_give_one_number_for_all_rows(constant):
    @variable("answer", dependencies=["x"])
    def answer(columns):
        return 42

    aliases = {"x": "1"} if constant else {}
    result = value("answer + y", {"x": np.ones(3), "y": np.arange(3.0)}, aliases=aliases)
    assert result.tolist() == [42, 43, 44]


@pytest.mark.parametrize(
    ("dependencies", "function", "words"),
    [
        (["x"], lambda columns: columns["x"][:1], "array of shape (1,) for 3 rows"),
        (["x"], lambda columns: columns["nope"], "'bad' failed: KeyError: 'nope'"),
        (["x"], lambda _: "text", "'bad' failed: ValueError"),
        ([], lambda _: 1, "must name what it is computed from"),
        ([("x",), 3], lambda _: 1, "must name what it is computed from"),
        (lambda: "x", lambda _: 1, "must be a list of names, not 'x'"),
        (["x +"], lambda _: 1, "expected a value"),
        ([""], lambda _: 1, "an empty name"),
        (["bad"], lambda _: 1, "'bad' depends on itself"),
        (["y"], lambda _: 1, "'y' needed by bad in cut \"bad\" (column 1)"),
    ],
)
def test_a_plug_in_at_fault_is_named(dependencies, function, words):
    variable("bad", dependencies=dependencies)(function)
    with pytest.raises(HepnbError) as caught:
        value("bad", {"x": np.ones(3)})
    assert words in str(caught.value)


def test_variables_that_need_each_other_are_refused():
    variable("one", dependencies=["two"])(lambda columns: columns["two"])
    variable("two", dependencies=["one"])(lambda columns: columns["one"])
    with pytest.raises(BadVariable, match="'one' depends on itself"):
        parse("one").bind("x")
    for number in range(20):
        name = f"chain{number + 1}"
        variable(f"chain{number}", dependencies=[name])(lambda columns, n=name: columns[n])
    with pytest.raises(BadVariable, match="more than 8 deep"):
        parse("chain0").bind(["chain20"])
    assert parse("chain14").bind(["chain20"]).columns == ("chain20",)


def test_a_column_wins_over_a_plug_in_and_a_later_registration_over_an_earlier():
    variable("x2", dependencies=["x"])(lambda columns: 2 * columns["x"])
    assert value("x2", {"x": np.ones(1), "x2": np.zeros(1)}).tolist() == [0]
    assert value("x2", {"x": np.ones(1)}).tolist() == [2]
    variable("x2", dependencies=["x"])(lambda columns: 3 * columns["x"])
    assert value("x2", {"x": np.ones(1)}).tolist() == [3]


def test_a_base_class_that_computes_nothing_says_so():
    class Nothing(VariableBase):
        def __init__(self, arguments):
            super().__init__("nothing", arguments)
            self.dependencies = ["x"]

    manager.register_variable("nothing", Nothing)
    with pytest.raises(BadVariable, match="NotImplementedError: Nothing computes nothing"):
        value("nothing", {"x": np.ones(1)})


@pytest.mark.parametrize("name", ["and", "True", "abs", "a b", "1x", "", "a-b", None])
def test_a_name_that_cannot_be_written_is_refused(name):
    with pytest.raises(BadVariable):
        variable(name, dependencies=["x"])(lambda columns: columns["x"])


def test_only_variable_classes_are_registered():
    for wrong in (int, len, "x", VariableBase("x", [])):
        with pytest.raises(BadVariable, match="must be a subclass of VariableBase"):
            manager.register_variable("wrong", wrong)
    with pytest.raises(BadVariable, match=r"must be a list: \['x'\]"):
        variable("wrong", dependencies="x")(lambda _: 1)
    with pytest.raises(BadVariable, match="no meta-variable is called 'wrong'"):
        manager.make("wrong")


def test_the_list_of_variables_says_what_each_takes_and_is():
    class Documented(VariableBase):
        """Twice a column."""

        def __init__(self, arguments):
            super().__init__("documented", arguments, (1, 3))

    class Awkward(VariableBase):
        def __init__(self, arguments):
            raise ValueError(arguments)

    manager.register_variable("documented", Documented)
    manager.register_variable("awkward", Awkward)
    described = {each.name: each for each in manager.describe()}
    assert tuple(described) == manager.names()
    assert set(described) >= {"binaryID", "trinaryID", *TRACKS}
    assert described["binaryID"].arguments == "2"
    assert described["p"].arguments == "0"
    assert "(pt, cosTheta)" in described["p"].summary
    assert described["documented"][1:] == ("1 to 3", "Twice a column.")
    assert described["awkward"].arguments == "?"


# --- entry points --------------------------------------------------------------------------------


class Doubled(VariableBase):
    """Twice `x`."""

    def __init__(self, arguments: list):
        super().__init__(name="doubled", arguments=arguments, args_range=(0, 0))
        self.dependencies = ["x"]

    def run(self, df):
        return 2 * df["x"]


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Pretend that a package with plug-ins is installed; count how often it is asked for."""
    here = "tests_data_test_variables_plug_in"
    points = [
        importlib.metadata.EntryPoint("doubled", f"{here}:Doubled", variables.ENTRY_POINTS),
        importlib.metadata.EntryPoint("binaryID", f"{here}:Doubled", variables.ENTRY_POINTS),
        importlib.metadata.EntryPoint("module", "tests_data_decorates", variables.ENTRY_POINTS),
        importlib.metadata.EntryPoint("broken", "no_such_module_at_all", variables.ENTRY_POINTS),
    ]
    module = type(importlib)(here)
    module.Doubled = Doubled
    monkeypatch.setitem(sys.modules, here, module)
    (tmp_path / "tests_data_decorates.py").write_text(
        "from hepnb.data.variables import variable\n"
        "@variable('tripled', dependencies=['x'])\n"
        "@variable('trinaryID', dependencies=['x'])\n"
        "def tripled(columns):\n"
        "    return 3 * columns['x']\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    asked = []

    def entry_points(*, group):
        asked.append(group)
        return points

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    monkeypatch.setattr(manager, "_loaded", False)
    monkeypatch.setattr(manager, "_failures", {})
    yield asked
    sys.modules.pop("tests_data_decorates", None)


def test_entry_points_are_loaded_once_and_only_when_a_name_is_not_a_column(installed, caplog):
    columns = {"x": np.ones(2), "K_pt": np.ones(2), "K_pz": np.ones(2)}
    value("x + p", columns, prefix="K")
    assert installed == []
    with caplog.at_level(logging.WARNING):
        assert value("doubled", columns).tolist() == [2, 2]
    assert "variable 'broken' is not available" in caplog.text
    assert value("doubled + tripled", columns).tolist() == [5, 5]
    assert "doubled" in manager.names()
    assert installed == ["hepnb.variables"]


def test_an_installed_package_never_replaces_a_variable(installed):
    assert "doubled" in manager.names()
    assert manager.make("binaryID", ["K", "pi"]).dependencies == ["kaonID", "pionID"]
    assert manager.make("trinaryID", ["K", "pi", "p"]).args_range == (3, 3)


def test_a_plug_in_that_does_not_load_stops_only_those_who_ask_for_it(installed):
    with pytest.raises(UnknownVariable, match="its plug-in does not load: no_such_module_at_all"):
        parse("1 + broken").bind("x")
    with pytest.raises(UnknownVariable, match="its plug-in does not load"):
        parse("broken(K)").bind("x")
    assert manager.failure("doubled") == ""


def test_a_fresh_manager_takes_what_installed_packages_give(installed):
    fresh = VariableManager()
    assert fresh.names() == ("binaryID", "doubled")
    assert fresh.describe()[1] == ("doubled", "0", "Twice `x`.")
