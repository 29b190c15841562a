"""Whether a model and a data set fit: classes in the order of the model's, at most 255 for pixels."""

import pytest
import torch
from torch import nn

from core.datasets import Dataset, Split
from core.models.compatibility import check, numbered


class TestNumbered:
    """A data set is brought to the order of a model's classes, with its labels and colours."""

    def data(self, classes, pixels=False):
        labels = torch.arange(len(classes))
        if pixels:
            labels = torch.cat([labels, torch.tensor([255])]).to(torch.uint8)[None, None]
        width = labels.shape[-1] if pixels else 1
        split = Split(torch.zeros(len(labels), 3, 1, width, dtype=torch.uint8), labels)
        task, palette = (
            ("segmentation", tuple((n, n, n) for n in range(len(classes)))) if pixels else ("classification", ())
        )
        return Dataset(
            "birds", "", task, tuple(classes), (1, width), "", lambda name, n=None: split.first(n or 1), palette=palette
        )

    def test_equal_names_change_nothing(self):
        data = self.data("abc")
        assert numbered(data, list("abc"), "m") is data

    def test_labels_follow_the_model(self):
        found = numbered(self.data("abc"), "cab", "m")
        assert found.classes == ("c", "a", "b")
        assert found.split("test", 3).labels.tolist() == [1, 2, 0]
        assert len(found.split("test", 2)) == 2

    def test_more_classes_than_bytes_have(self):
        names = [f"{number:03d}" for number in range(300)]
        found = numbered(self.data(names), names[::-1], "m")
        assert found.split("test", 300).labels.tolist() == list(range(299, -1, -1))

    def test_pixels_without_a_class_stay_so_and_colours_follow(self):
        found = numbered(self.data("abc", pixels=True), "cab", "m")
        labels = found.split("test").labels
        assert labels.flatten().tolist() == [1, 2, 0, 255]
        assert labels.dtype == torch.uint8
        assert [colour[0] for colour in found.palette] == [2, 0, 1]
        assert found.palette[labels[0, 0, 0]] == (0, 0, 0)

    @pytest.mark.parametrize(
        ("classes", "more", "says"),
        [
            ("abd", False, "birds has other classes than m: only m has d; only birds has c. If they mean the same"),
            ("abcd", False, "than m: only m has d. If"),
            ("ab", True, "than m: only birds has c. If"),
            ("abca", True, "than m: some names stand twice. If"),
            ("aba", False, "than m: only birds has c. If"),
        ],
    )
    def test_other_names_are_shown(self, classes, more, says):
        with pytest.raises(ValueError, match=says):
            numbered(self.data("abc"), classes, "m", more)

    def test_only_a_classifier_may_know_more(self):
        assert numbered(self.data("abc"), "xabc", "m", more=True).split("test", 3).labels.tolist() == [1, 2, 3]
        with pytest.raises(ValueError, match="only m has x"):
            numbered(self.data("abc", pixels=True), "xabc", "m", more=True)

    def test_pixels_have_at_most_255_classes(self):
        with pytest.raises(ValueError, match="Pixels have at most 255 classes, and birds has 256"):
            check(nn.Identity(), self.data([str(number) for number in range(256)], pixels=True), "m")
