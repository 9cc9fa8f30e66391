"""Fields to be fitted: what they hold, and how they are read."""

import pytest
import torch

from shotgraph.decomposition.fields import DenseField, HashField, SmallField, halved


def corners(dimensions: int) -> torch.Tensor:
    return torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * dimensions)


def test_a_dense_field_is_zero_to_begin_with_and_linear_between_its_cells() -> None:
    field = DenseField(1, [(1, 3)])
    assert field(torch.tensor([[0.3, 0.0]])).item() == 0

    with torch.no_grad():
        field.grids[0].copy_(torch.tensor([[[[1.0, 3.0, 5.0]]]]))

    read = field(torch.tensor([[-1.0, 0.0], [-0.5, 0.0], [0.25, 0.0], [1.0, 0.0], [2.0, 0.0]]))
    torch.testing.assert_close(read[:, 0], torch.tensor([1.0, 2.0, 3.5, 5.0, 5.0]))


def test_grids_of_all_sizes_add_up() -> None:
    field = DenseField(2, [(2, 2), (4, 4)])
    with torch.no_grad():
        field.grids[0].fill_(1.0)
        field.grids[1].fill_(0.5)

    torch.testing.assert_close(field(torch.rand((7, 2)) * 2 - 1), torch.full((7, 2), 1.5))


def test_a_small_field_reads_what_a_dense_one_reads_at_the_finest_cells() -> None:
    sizes = [(3, 1, 1), (3, 2, 2), (3, 3, 3)]
    small, dense = SmallField(1, sizes), DenseField(1, sizes)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one, other in zip(small.grids, dense.grids, strict=True):
            one.copy_(torch.randn(one.shape, generator=generator))
            other.copy_(one)
    axis = torch.tensor([-1.0, 0.0, 1.0])
    cells = torch.cartesian_prod(axis, axis, axis)

    torch.testing.assert_close(small(cells), dense(cells))


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_hashed_field_begins_at_zero_learns_and_is_smooth(dimensions: int) -> None:
    field = HashField(1, dimensions, coarsest=4, finest=32, levels=4, entries=512)
    assert 0 < len(field.grids) < 4
    points = torch.rand((256, dimensions), generator=torch.Generator().manual_seed(2)) * 2 - 1
    assert field(points).abs().max() == 0

    wanted = torch.sin(2 * points.sum(dim=1, keepdim=True))
    optimiser = torch.optim.Adam(field.parameters(), lr=1e-2)
    for _ in range(200):
        optimiser.zero_grad()
        loss = (field(points) - wanted).square().mean()
        loss.backward()
        optimiser.step()

    assert loss.item() < 0.01
    step = torch.zeros(dimensions)
    step[0] = 1e-4
    assert (field(points + step) - field(points)).abs().max() < 0.05


def test_levels_whose_corners_fit_the_table_are_grids_and_others_are_hashed() -> None:
    field = HashField(1, 2, coarsest=16, finest=64, levels=3, entries=400)

    assert field.sizes == (16, 32, 64)
    assert [tuple(grid.shape) for grid in field.grids] == [(1, 2, 17, 17)]
    assert tuple(field.table.shape) == (2, 400, 2)
    every = torch.cartesian_prod(torch.arange(65), torch.arange(65))
    rows = field.rows_of(every[None, None].expand(1, 2, -1, -1))[0]
    for level in range(2):
        assert int(rows[level].min()) >= 400 * level
        assert int(rows[level].max()) < 400 * (level + 1)
    # Nearly every entry is in use, and neighbours share none.
    assert len(rows[0].unique()) > 390
    assert (rows[0].view(65, 65)[1:] != rows[0].view(65, 65)[:-1]).all()


def test_the_hash_is_the_one_of_the_paper() -> None:
    field = HashField(1, 3, coarsest=8, finest=8, levels=1, entries=64)

    row = field.rows_of(torch.tensor([[[[5, 3, 2]]]])).item()

    assert row == (5 ^ (3 * 2_654_435_761) ^ (2 * 805_459_861)) % 64


def test_a_hashed_level_is_read_linearly_between_its_corners() -> None:
    field = HashField(1, 2, coarsest=4, finest=4, levels=1, entries=16)
    assert not len(field.grids)
    cells = torch.cartesian_prod(torch.arange(5), torch.arange(5))
    entries = field.table[0][field.rows_of(cells[None, None])[0, 0]].view(5, 5, 2)

    read = field._hashed(torch.tensor([[-0.5, 0.0], [-0.25, 0.5], [1.0, 1.0]]))

    torch.testing.assert_close(read[0], entries[1, 2])
    torch.testing.assert_close(read[1], (entries[1, 3] + entries[2, 3]) / 2)
    torch.testing.assert_close(read[2], entries[4, 4])


def test_hashed_fields_draw_from_no_global_state() -> None:
    before = torch.random.get_rng_state()

    one, other = (HashField(1, 2, coarsest=4, finest=64, levels=3, entries=64) for _ in range(2))

    assert torch.equal(torch.random.get_rng_state(), before)
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_corners_of_the_cube_are_inside_it() -> None:
    field = HashField(1, 3, coarsest=2, finest=16, levels=3, entries=64)

    assert torch.isfinite(field(corners(3) * 1.5)).all()
    torch.testing.assert_close(field(corners(3) * 1.5), field(corners(3)))


@pytest.mark.parametrize(("size", "expected"), [(16, [16]), (100, [25, 50, 100]), (33, [17, 33])])
def test_sizes_are_halved_down_to_the_least(size: int, expected: list[int]) -> None:
    assert halved(size, least=16) == expected
