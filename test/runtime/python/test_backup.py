"""The backup, in short: one test of each kind. All of them take ten minutes: `npm run test:native:long`."""

import unittest

import long_test_backup as long

SHORT = [
    (long.RoundTrip, "test_restores_rows_and_files_into_an_empty_platform"),
    (long.RoundTrip, "test_moves_the_database_to_another_server_and_leaves_the_files_as_they_are"),
    (long.RoundTrip, "test_restores_in_place_only_if_requested_and_keeps_the_old_rows_and_files"),
    (long.Sizes, "test_of_artifacts_are_logged_and_sent_by_workspace"),
    (long.Sizes, "test_that_cannot_be_sent_do_not_fail_the_backup"),
    (long.Incremental, "test_copies_only_changed_files_again"),
    (long.OtherPlatform, "test_an_empty_platform_does_not_take_over_the_target_of_one_with_runs"),
    (long.Locks, "test_waits_for_a_migration_and_gives_up"),
    (long.Servers, "test_are_stopped_meanwhile_and_started_again"),
    (long.Encrypted, "test_another_key_is_refused_with_a_message"),
    (long.Broken, "test_complete_backup_passes_the_drill"),
    (long.Broken, "test_truncated_dump"),
    (long.Unusable, "test_a_full_target_fails_the_backup_and_keeps_the_one_before"),
    (long.Retention, "test_removes_old_backups_and_the_files_that_only_they_had"),
]


def load_tests(_loader, _standard, _pattern):
    return unittest.TestSuite(test(name) for test, name in SHORT)
