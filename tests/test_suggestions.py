"""What an error says about an unknown name."""

from helpers.suggestions import nearest


def test_the_nearest_name_is_offered_and_all_are_listed():
    assert nearest("fc77", ["fc6", "fc7", "pool"]) == "; did you mean 'fc7'? There are fc6, fc7, pool"
    assert nearest("Umbrela", ["umbrella", "cup"]) == "; did you mean 'umbrella'? There are umbrella, cup"
    assert nearest("zzz", ["cup", "skull"]) == "; there are cup, skull"
    assert nearest("x", []) == "; there are none"


def test_another_remedy_takes_the_place_of_the_list():
    assert nearest("aplha", ["alpha"], otherwise="use a file") == "; did you mean 'alpha'? Use a file"
    assert nearest("zzz", ["alpha"], otherwise="use a file") == "; use a file"


def test_how_near_a_name_must_be():
    assert "did you mean 'tr'" in nearest("center", ["tl", "tr", "c"], cutoff=0.2)
    assert nearest("center", ["tl", "tr", "c"], cutoff=0.6) == "; there are tl, tr, c"
    assert nearest(3, ["30"], cutoff=0.5) == "; did you mean '30'? There are 30"
