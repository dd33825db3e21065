import dataclasses

import numpy as np
import pytest
from feeder_builders import random_feeder, two_bus_feeder

from pygridjl.core.errors import InvalidNetworkError
from pygridjl.grid import FeederBranches, FeederBuses, FeederLoads


def test_nodes_are_the_phases_that_exist():
    feeder = two_bus_feeder()
    feeder = feeder.replace(buses=feeder.buses.replace(phases=[[1, 1, 1], [1, 0, 1]]))
    assert feeder.n_node == 5
    assert feeder.node_ids == ("src.a", "src.b", "src.c", "end.a", "end.c")
    assert feeder.node_of.tolist() == [[0, 1, 2], [3, -1, 4]]
    assert feeder.load_p.tolist() == [0, 0, 0, 0.3, 0.1]


def test_injection_is_generation_plus_shunts_minus_load():
    feeder = two_bus_feeder(b=[[0.02, 0.02, 0.02]])
    p, q = feeder.injection()
    np.testing.assert_allclose(p, [0, 0, 0, -0.3, -0.2, -0.1])
    np.testing.assert_allclose(q, [0.01, 0.01, 0.01, -0.09, 0.01, -0.04])
    opened = feeder.with_open(["l"])
    assert opened.shunt_q.tolist() == [0] * 6  # an open line charges nothing


def test_per_unit_bases():
    feeder = two_bus_feeder().rebase(0.5)
    np.testing.assert_allclose(feeder.z_base, 2.4**2 / 0.5)
    np.testing.assert_allclose(feeder.i_base, 500 / 2.4)
    np.testing.assert_allclose(feeder.to_kw(feeder.load_p[3:]), [300, 200, 100])


@pytest.mark.parametrize("seed", range(3))
def test_rebase_keeps_every_physical_quantity(seed):
    one = random_feeder(np.random.default_rng(seed))
    two = one.rebase(0.37)
    z_one, z_two = (f.z_base[f.branches.to_bus][:, None, None] for f in (one, two))
    np.testing.assert_allclose(one.branches.r * z_one, two.branches.r * z_two)
    np.testing.assert_allclose(one.branches.x * z_one, two.branches.x * z_two)
    np.testing.assert_allclose(one.branches.b / z_one[:, :, 0], two.branches.b / z_two[:, :, 0])
    amps = [f.branches.rating * f.i_base[f.branches.to_bus][:, None] for f in (one, two)]
    np.testing.assert_allclose(*amps)
    for table, column in (("loads", "p"), ("capacitors", "q"), ("generators", "s_max")):
        values = [f.to_kw(getattr(getattr(f, table), column)) for f in (one, two)]
        np.testing.assert_allclose(*values)


@pytest.mark.parametrize("seed", range(5))
def test_tree_leads_from_every_bus_to_the_source(seed):
    feeder = random_feeder(np.random.default_rng(seed), 30)
    tree, branch = feeder.tree, feeder.branches
    assert tree.order[0] == feeder.source_bus
    assert sorted(tree.order) == list(range(30))
    place = np.argsort(tree.order)
    for bus in tree.order[1:]:
        ends = branch.from_bus[tree.branch[bus]], branch.to_bus[tree.branch[bus]]
        expected = ends[::-1] if tree.reversed[bus] else ends
        assert (tree.parent[bus], bus) == expected
        assert place[tree.parent[bus]] < place[bus]
        assert tree.depth[bus] == tree.depth[tree.parent[bus]] + 1


def test_tree_refuses_what_is_not_radial():
    feeder = two_bus_feeder()
    with pytest.raises(InvalidNetworkError, match="no closed path"):
        _ = feeder.with_open(["l"]).tree
    twice = FeederBranches(
        id=["l", "k"],
        from_bus=[0, 1],
        to_bus=[1, 0],
        r=feeder.branches.r.repeat(2, axis=0),
        x=feeder.branches.x.repeat(2, axis=0),
    )
    with pytest.raises(InvalidNetworkError, match=r"branch k closed: closes a loop"):
        _ = feeder.replace(branches=twice).tree
    assert feeder.replace(branches=twice).with_open(["l"]).tree.reversed[1]


def test_a_feeder_cannot_be_changed_in_place():
    feeder = two_bus_feeder()
    with pytest.raises(ValueError, match="read-only"):
        feeder.loads.p[0, 0] = 9
    with pytest.raises(ValueError, match="read-only"):
        feeder.v_set[0] = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        feeder.phase_mva = 2
    assert feeder.with_band(0.95, 1.05).buses.v_max.tolist() == [1.05, 1.05]
    assert np.isinf(feeder.buses.v_max).all()


def test_shapes_and_positions_are_checked():
    with pytest.raises(ValueError, match=r"'r' has shape \(1,\), expected \(1, 3, 3\)"):
        two_bus_feeder(r=[0.1])
    with pytest.raises(ValueError, match="'phases' has shape"):
        FeederBuses(id=["a"], kv_ln=1.0, phases=[[True, False]])
    with pytest.raises(ValueError, match="load row 1: bus is not the position of a bus"):
        two_bus_feeder().replace(loads=FeederLoads(id=["d"], bus=[2]))
    with pytest.raises(ValueError, match="source_bus"):
        two_bus_feeder().replace(source_bus=5)
    with pytest.raises(KeyError, match="no branch 'x'"):
        two_bus_feeder().with_open(["x"])
