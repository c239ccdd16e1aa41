"""Races, read from links."""

from __future__ import annotations

from itertools import permutations

from explorer.core.run.race import DEFAULT, MOST_RACERS, Race, Racer


def test_of_a_link_with_bad_racers_all_are_named_and_the_good_ones_run() -> None:
    """Four bad ones and two good ones, in several orders."""
    good = (Racer("adam", 0.2), Racer("momentum", 0.1))
    bad = {"snail:1": "'snail'", "slug:2": "'slug'", "adam:fast": "'fast'", "lion:-1": "-1"}
    texts = [f"{each.optimizer}:{each.learning_rate}" for each in good]
    for order in (*permutations(texts + [*bad][:2]), [*bad, *texts], [*texts, *reversed(bad)]):
        race, complaints = Race.salvage({"v": "1", "loss": "x_squared", "racers": ",".join(order)})
        assert sorted(race.racers, key=str) == [*good]
        said = "; ".join(complaints)
        assert [got for text, got in bad.items() if (got in said) is not (text in order)] == []
        assert said.count("optimizer must be one of") == 1


def test_of_too_many_racers_the_first_run_and_of_bad_ones_alone_the_default() -> None:
    for count in (MOST_RACERS, MOST_RACERS + 3, 1):
        race, complaints = Race.salvage({"v": "1", "loss": "x_squared", "racers": ",".join(f"adam:0.{i + 1}" for i in range(count))})
        assert [each.learning_rate for each in race.racers] == [float(f"0.{i + 1}") for i in range(min(count, MOST_RACERS))]
        assert len(complaints) == (count > MOST_RACERS)
    assert Race.salvage({"v": "1", "loss": "x_squared", "racers": "snail,slug"})[0].racers == DEFAULT.racers
