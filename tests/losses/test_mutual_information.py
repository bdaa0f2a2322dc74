"""Estimators of mutual information against closed forms of Gaussians, and who may move whom."""

import math

import pytest
import torch
from torch.distributions import Normal

from fercourse.distributed import gather, rank, share
from fercourse.losses import mutual_information as mi
from tests.twice import twice

KINDS = [(name, kind) for name, kind in mi.ESTIMATORS.items() if not kind.asks_answers]


def gaussians(count, rho, width=1, seed=0):
    """Return x and y, [count, width] each, of correlation rho column by column."""
    generator = torch.Generator().manual_seed(seed)
    x, noise = torch.randn(2, count, width, generator=generator, dtype=torch.float64)
    return x, rho * x + math.sqrt(1 - rho**2) * noise


def conditional(x, rho):
    """Return mean and log variance of the true q(y | x)."""
    return rho * x, torch.full_like(x, math.log(1 - rho**2))


# ---------------------------------------------------------------------- vCLUB

@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("width", [1, 4])
def test_vclub_of_the_true_conditional_is_the_closed_form(rho, width):
    x, y = gaussians(200_000, rho, width)
    found, closed = mi.vclub(*conditional(x, rho), y).item(), width * rho**2 / (1 - rho**2)
    assert found == pytest.approx(closed, rel=0.02, abs=0.01)
    assert found >= -width * math.log(1 - rho**2) / 2 - 0.01                  # an upper bound of the information


def test_vclub_by_hand():
    mean, log_variance, y = torch.tensor([[0.0], [1.0]]), torch.zeros(2, 1), torch.tensor([[0.0], [2.0]])
    # matched: -0/2, -1/2; unmatched: face 0 to (0, 2): -(0 + 4)/4, face 1 to (0, 2): -(1 + 1)/4
    assert mi.vclub(mean, log_variance, y).item() == pytest.approx((0 - 0.5) / 2 - (-1 - 0.5) / 2)


def test_vclub_is_its_double_sum():
    mean, log_variance, y = torch.randn(3, 7, 5, dtype=torch.float64)
    q = Normal(mean[:, None], (0.5 * log_variance).exp()[:, None])            # row i: what x_i says of y
    pairs = q.log_prob(y[None]).sum(2)
    torch.testing.assert_close(mi.vclub(mean, log_variance, y), pairs.diagonal().mean() - pairs.mean())
    constant = -2.5 * math.log(2 * math.pi)
    torch.testing.assert_close(mi.log_likelihood(mean, log_variance, y) + constant, pairs.diagonal())


def test_vclub_of_a_critic_that_ignores_x_is_zero():
    y = torch.randn(50, 3, dtype=torch.float64)
    assert mi.vclub(torch.ones(50, 3), torch.full((50, 3), 0.4), y).item() == pytest.approx(0, abs=1e-12)


def test_a_poor_critic_bounds_nothing():
    x, y = gaussians(5000, 0.9)
    assert mi.vclub(*conditional(x, -0.9), y) < 0 < -math.log(1 - 0.81) / 2


def test_the_variance_cannot_run_away():
    critic = mi.GaussianCritic(2, 2)
    with torch.no_grad():
        critic.log_variance[-1].bias.fill_(1e6)
    assert critic(torch.randn(4, 2))[1].abs().max() <= mi.LIMIT


# ---------------------------------------------------------------------- scores of pairs

@pytest.mark.parametrize("rho", [0.3, 0.6])
def test_infonce_of_the_true_ratio_is_nearly_the_information(rho):
    found = []
    for seed in range(20):
        x, y = gaussians(512, rho, seed=seed)
        mean, log_variance = conditional(x, rho)
        scores = Normal(mean, (0.5 * log_variance).exp()).log_prob(y.T) - Normal(0, 1).log_prob(y.T)
        found.append(mi.infonce(scores).item())
    assert sum(found) / 20 == pytest.approx(-math.log(1 - rho**2) / 2, abs=0.02)


def test_infonce_never_exceeds_log_n():
    assert mi.infonce(1e4 * torch.eye(8)).item() == pytest.approx(math.log(8))
    assert mi.infonce(torch.full((8, 8), 3.0)).item() == pytest.approx(0, abs=1e-6)
    assert mi.infonce(torch.tensor([[1.0, 0.0], [0.0, 1.0]])).item() == pytest.approx(
        math.log(2) - math.log(1 + math.exp(-1)))


def test_relative_predictive_by_hand():
    scores = torch.tensor([[1.0, 3.0], [0.0, 2.0]])
    by_hand = 1.5 - 0.5 * 1.5 - 0.0025 * 2.5 - 0.25 * 4.5
    assert mi.relative_predictive(scores).item() == pytest.approx(by_hand)


@pytest.mark.parametrize("bound", [mi.infonce, mi.relative_predictive])
def test_bounds_of_scores_have_the_right_slope(bound):
    assert torch.autograd.gradcheck(bound, torch.randn(5, 5, dtype=torch.float64, requires_grad=True))
    order = torch.randperm(5)
    scores = torch.randn(5, 5)
    torch.testing.assert_close(bound(scores[order][:, order]), bound(scores))


def test_vclub_has_the_right_slope():
    inputs = [torch.randn(5, 2, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    assert torch.autograd.gradcheck(mi.vclub, inputs)


# ---------------------------------------------------------------------- estimators that learn

@pytest.mark.parametrize("name, rho, width, expected", [
    ("vclub", 0.0, 4, 0.0), ("vclub", 0.5, 4, 4 / 3), ("infonce", 0.0, 4, 0.0), ("infonce", 0.7, 2, math.log(1 / 0.51)),
    ("relative", 0.0, 2, 0.5**2 / 2 / 0.505)])
def test_a_critic_finds_what_is_there(name, rho, width, expected):
    torch.manual_seed(0)
    estimator = mi.ESTIMATORS[name](width, width, hidden=64)
    solver = torch.optim.Adam(estimator.parameters(), 1e-2)
    for step in range(120):
        x, y = gaussians(256, rho, width, seed=step)
        solver.zero_grad()
        estimator(x, y)["fit"].backward()
        solver.step()
    found = [estimator(*gaussians(256, rho, width, seed=1000 + s))["bound"].item() for s in range(30)]
    assert sum(found) / 30 == pytest.approx(expected, rel=0.2, abs=0.05)


@pytest.mark.parametrize("name, kind", KINDS)
def test_the_bound_moves_features_and_the_fit_moves_the_critic(name, kind):
    torch.manual_seed(0)
    estimator, x, y = kind(3, 2), torch.randn(16, 3, requires_grad=True), torch.randn(16, 2, requires_grad=True)
    told = estimator(x, y.detach())
    told["bound"].backward(retain_graph=True)
    assert x.grad.norm() > 0 and y.grad is None
    assert all(p.grad is None for p in estimator.parameters())
    x.grad = None
    told["fit"].backward()
    assert x.grad is None and y.grad is None
    assert sum(p.grad.norm() for p in estimator.parameters()) > 0


@pytest.mark.parametrize("name, kind", KINDS)
def test_the_bound_moves_both_features_unless_one_is_detached(name, kind):
    torch.manual_seed(0)
    x, y = torch.randn(16, 3, requires_grad=True), torch.randn(16, 2, requires_grad=True)
    kind(3, 2)(x, y)["bound"].backward()
    assert x.grad.norm() > 0 and y.grad.norm() > 0


@pytest.mark.parametrize("name, kind", KINDS)
def test_shrinking_the_features_is_no_escape(name, kind):
    torch.manual_seed(0)
    estimator, (x, y) = kind(4, 4), gaussians(64, 0.8, 4)
    one, other = estimator(x, y), estimator(0.1 * x + 3, 5 * y)
    torch.testing.assert_close(one["bound"], other["bound"], rtol=2e-3, atol=1e-4)


def test_constant_features_stay_finite():
    told = mi.VClub(2, 2)(torch.zeros(8, 2), torch.ones(8, 2))
    assert all(value.isfinite() for value in told.values())


# ---------------------------------------------------------------------- beyond the label, and in words


def test_beyond_is_what_least_squares_leave():
    given, noise = torch.randn(2, 60, 3, dtype=torch.float64)
    features = given @ torch.randn(3, 3, dtype=torch.float64) + noise + 5
    left = mi.beyond(features, given, ridge=0)
    columns = torch.cat([given, torch.ones(60, 1, dtype=torch.float64)], 1)
    torch.testing.assert_close(left, features - columns @ torch.linalg.lstsq(columns, features).solution)
    assert (columns.T @ left).abs().max() < 1e-9


def test_what_two_features_share_through_the_label_does_not_count():
    torch.manual_seed(0)
    source = torch.Generator().manual_seed(3)
    label = torch.randn(4000, 1, generator=source)
    x, y = (label + 0.3 * torch.randn(4000, 2, generator=source) for _ in range(2))
    found = {}
    for known in (None, label):
        estimator = mi.VClub(2, 2, hidden=32)
        solver = torch.optim.Adam(estimator.parameters(), 1e-2)
        for _step in range(60):
            rows = torch.randint(4000, (256,), generator=source)
            solver.zero_grad()
            estimator(x[rows], y[rows], None if known is None else known[rows])["fit"].backward()
            solver.step()
        found[known is None] = estimator(x, y, known)["bound"].item()
    assert found[True] > 1 and abs(found[False]) < 0.1


def test_the_adversary_bounds_what_answers_are_told():
    torch.manual_seed(0)
    source = torch.Generator().manual_seed(4)
    answers = torch.randint(0, 2, (2000,), generator=source)
    x = (4 * answers[:, None] + torch.randn(2000, 3, generator=source)).requires_grad_()
    adversary = mi.Adversary(3, 2, hidden=16)
    solver = torch.optim.Adam(adversary.parameters(), 1e-2)
    for _ in range(100):
        solver.zero_grad()
        adversary(x, answers)["fit"].backward()
        solver.step()
    assert x.grad is None
    told = adversary(x, answers)
    assert math.log(2) + told["bound"].item() == pytest.approx(math.log(2), abs=0.1)      # nearly all of H(a)
    told["bound"].backward()
    assert x.grad.norm() > 0


def test_shrinking_the_features_is_no_escape_from_the_adversary():
    torch.manual_seed(0)
    adversary, x, answers = mi.Adversary(3, 2), torch.randn(64, 3), torch.arange(64) % 2
    torch.testing.assert_close(adversary(x, answers)["bound"], adversary(0.1 * x + 3, answers)["bound"],
                               rtol=2e-3, atol=1e-4)


def test_the_adversary_hears_the_label():
    torch.manual_seed(0)
    adversary, answers = mi.Adversary(3, 2, given_width=2), torch.arange(16) % 2
    adversary(torch.randn(16, 3), answers, torch.nn.functional.one_hot(answers))["fit"].backward()
    assert (adversary.critic[0].weight.grad[:, 3:].norm(dim=0) > 0).all()


@pytest.mark.parametrize("kind", mi.ESTIMATORS.values())
def test_every_estimator_is_built_and_asked_in_one_way(kind):
    estimator, x, y = kind(3, 2, 4), torch.randn(16, 3), torch.randn(16, 2)
    losses = estimator(x, y.argmax(1) if kind.asks_answers else y, torch.randn(16, 4))
    assert losses.keys() == {"bound", "fit"} and all(value.isfinite() for value in losses.values())


# ---------------------------------------------------------------------- two processes

def gradients(kind):
    """Return the gradients that DistributedDataParallel would average, in this process or in two."""
    torch.manual_seed(0)
    estimator, encoder = mi.ESTIMATORS[kind](3, 2, hidden=8).double(), torch.nn.Linear(4, 3).double()
    faces, y = gaussians(24, 0.5, 4)[0], gaussians(24, 0.5, 2, seed=1)[1]
    rows = share(torch.arange(24))
    told = estimator(encoder(faces[rows]), y[rows])
    (told["bound"] + told["fit"]).backward()
    assert len(gather(rows)) == 24 and rank() in (0, 1)
    return {n: p.grad for m in (estimator, encoder) for n, p in m.named_parameters()}


def all_gradients():
    return {name: gradients(name) for name, _ in KINDS}


def test_two_processes_have_the_gradients_of_one():
    alone, (first, second) = all_gradients(), twice(all_gradients)
    for kind, wanted in alone.items():
        for name, gradient in wanted.items():
            mean = (first[kind][name] + second[kind][name]) / 2
            torch.testing.assert_close(mean, gradient, rtol=1e-9, atol=1e-12)


def test_a_single_pair_tells_nothing():
    scores = torch.ones(1, 1, requires_grad=True)
    value = mi.relative_predictive(scores)
    value.backward()
    assert value == 0 and scores.grad == 0


@pytest.mark.parametrize("name", mi.ESTIMATORS)
def test_estimates_stay_in_single_precision_under_autocast(name):
    torch.manual_seed(0)
    estimator, x, y = mi.ESTIMATORS[name](3, 2), torch.randn(32, 3), torch.randn(32, 2)
    y = y.argmax(1) if estimator.asks_answers else y
    plain = estimator(x, y)
    with torch.autocast("cpu", torch.bfloat16):
        half = estimator(x, y)
    for part in plain:
        torch.testing.assert_close(half[part], plain[part], rtol=1e-5, atol=1e-6)
