"""Checks of compare.py that need neither ridge nor a peer: python3 check_compare.py"""

import os
import subprocess
import sys
import tempfile
import unittest

import compare
import ranks


class Verdicts(unittest.TestCase):
    decode = compare.TARGETS["decode"]
    floats = compare.TARGETS["prefill, floats"]
    quantized = compare.TARGETS["prefill, quantized"]

    def test_a_ratio_below_must_is_below(self):
        self.assertEqual(compare.verdict(self.decode, 1.04, 1.03), "below")

    def test_a_ratio_whose_interval_is_above_is_sure(self):
        self.assertEqual(compare.verdict(self.decode, 1.1, 1.06), "must")
        self.assertEqual(compare.verdict(self.decode, 1.4, 1.31), "aim")

    def test_an_interval_that_reaches_below_is_a_question(self):
        self.assertEqual(compare.verdict(self.decode, 1.1, 1.0), "must ?")
        self.assertEqual(compare.verdict(self.decode, 1.4, 1.2), "aim ?")

    def test_too_few_rounds_are_a_question(self):
        self.assertEqual(compare.verdict(self.decode, 1.1, None), "must ?")

    def test_the_machine_s_limit_can_stand_for_the_ratio_aimed_at(self):
        self.assertEqual(compare.verdict(self.decode, 1.1, 1.06, share=0.92), "aim")

    def test_floats_want_the_ratio_and_the_peak(self):
        self.assertEqual(compare.verdict(self.floats, 1.2, 1.1, share=0.7), "below")
        self.assertEqual(compare.verdict(self.floats, 1.2, 1.1, share=None), "below")
        self.assertEqual(compare.verdict(self.floats, 1.2, 1.1, share=0.8), "must")
        self.assertEqual(compare.verdict(self.floats, 1.2, 1.1, share=0.9), "aim")

    def test_quantized_is_no_slower_than_its_own_floats(self):
        word = compare.verdict(self.quantized, 1.2, 1.15, own_floats=0.9)
        self.assertEqual(word, "below")
        word = compare.verdict(self.quantized, 1.2, 1.15, own_floats=1.1)
        self.assertEqual(word, "must")


class Names(unittest.TestCase):
    def test_codecs_are_read_from_file_names(self):
        for name, codec in (("a-q4_k_m.gguf", "q4_k"), ("A-BF16.gguf", "bf16"),
                            ("x-f16.gguf", "f16"), ("iq4_nl.gguf", "iq4_nl"),
                            ("model.gguf", "?")):
            self.assertEqual(compare.codec_of("/m/" + name), codec)

    def test_the_float_sibling_is_of_the_same_model(self):
        cases = [compare.Case("p", "prefill, floats", "/m/big-f16.gguf", prefill=1),
                 compare.Case("p", "prefill, floats", "/m/small-f16.gguf", prefill=1),
                 compare.Case("p", "prefill, quantized", "/m/small-q4_k_m.gguf", prefill=1)]
        self.assertIs(compare.float_sibling(cases[2], cases), cases[1])


class Rows(unittest.TestCase):
    def test_a_case_that_failed_says_why_and_nothing_else(self):
        case = compare.Case("decode at 4096", "depth", "/m/x-f16.gguf", decode=8, depth=4096)
        case.failed = "ridge: exit 2: the context is too short"
        row, kept = compare.case_row(case, [case], 2)
        self.assertEqual(len(row), len(compare.TITLES))
        self.assertEqual(row[-1], case.failed)
        self.assertIsNone(kept)

    def test_every_row_has_every_column(self):
        case = compare.Case("decode 8", "decode", "/m/x-f16.gguf", decode=8)
        case.ours, case.theirs, case.their_cpu = [2.0] * 6, [1.0] * 6, [1.0] * 6
        row, kept = compare.case_row(case, [case], 2)
        self.assertEqual(len(row), len(compare.TITLES))
        self.assertEqual((row[-1], kept["ratio"]), ("aim", 2.0))

    def test_less_time_is_a_ratio_above_one(self):
        start = compare.Start("/m/x-f16.gguf", cold=False)
        start.ours, start.theirs = [0.5] * 6, [1.0] * 6
        start.our_memory, start.their_memory = [200] * 6, [100] * 6
        rows, kept = compare.start_rows(start, 2)
        self.assertEqual([row[-1] for row in rows], ["aim", "below"])
        self.assertTrue(all(len(row) == len(compare.TITLES) for row in rows))

    def test_ranks_agree_with_tables(self):
        ranks.check()


class Cold(unittest.TestCase):
    def test_the_page_cache_is_read(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(1 << 20))
            file.flush()
            compare.make_warm(file.name)
            self.assertEqual(compare.share_cached(file.name), 1)


class Peerless(unittest.TestCase):
    def test_without_a_peer_it_skips_and_says_so(self):
        environment = {k: v for k, v in os.environ.items() if k != "RIDGE_PEER_DIR"}
        done = subprocess.run([sys.executable, os.path.join(compare.HERE, "compare.py")],
                              env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0)
        self.assertIn("skipped: RIDGE_PEER_DIR is not set", done.stdout)


if __name__ == "__main__":
    unittest.main()
