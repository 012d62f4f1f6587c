// Each test brings the files of a machine as text: plain hosts, containers and odd mounts, in v1,
// v2 and both.
#include <sennit/os/cgroup.hpp>

#include <gtest/gtest.h>

#include <map>

namespace sennit::os {
namespace {

using files = std::map<std::string, std::string>;

text_reader reader_of(files machine) {
    return [machine = std::move(machine)](const std::string& path) -> std::optional<std::string> {
        const auto found = machine.find(path);
        if (found == machine.end()) return std::nullopt;
        return found->second;
    };
}

constexpr std::string_view v2_mount =
    "25 20 0:22 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 "
    "rw,nsdelegate\n";
constexpr std::string_view v1_mounts =
    "31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:10 - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

TEST(find_cgroup, v2_walks_from_the_own_group_to_the_mount) {
    const auto found = find_cgroup("0::/user.slice/app.service\n", v2_mount, "cpu");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->version, cgroup_version::v2);
    EXPECT_EQ(found->paths,
              (std::vector<std::string>{"/sys/fs/cgroup/user.slice/app.service",
                                        "/sys/fs/cgroup/user.slice", "/sys/fs/cgroup"}));
}

TEST(find_cgroup, v2_root_group_is_the_mount_point) {
    const auto found = find_cgroup("0::/\n", v2_mount, "memory");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->paths, std::vector<std::string>{"/sys/fs/cgroup"});
}

TEST(find_cgroup, a_controller_attached_to_v1_governs_beside_v2) {
    constexpr std::string_view groups = "4:memory:/pool/one\n1:cpuacct,cpu:/pool\n0::/unified\n";
    const auto cpu = find_cgroup(groups, v1_mounts, "cpu");
    ASSERT_TRUE(cpu);
    EXPECT_EQ(cpu->version, cgroup_version::v1);
    EXPECT_EQ(cpu->paths, (std::vector<std::string>{"/sys/fs/cgroup/cpu,cpuacct/pool",
                                                    "/sys/fs/cgroup/cpu,cpuacct"}));
    const auto memory = find_cgroup(groups, v1_mounts, "memory");
    ASSERT_TRUE(memory);
    EXPECT_EQ(memory->paths.front(), "/sys/fs/cgroup/memory/pool/one");
    const auto pids = find_cgroup(groups, v1_mounts, "pids");
    ASSERT_TRUE(pids);
    EXPECT_EQ(pids->version, cgroup_version::v2);
    EXPECT_EQ(pids->paths.front(), "/sys/fs/cgroup/unified/unified");
}

TEST(find_cgroup, a_container_sees_its_group_at_the_mount_point) {
    constexpr std::string_view mounts =
        "700 690 0:30 /docker/abc /sys/fs/cgroup/memory ro master:18 - cgroup cgroup rw,memory\n";
    const auto own = find_cgroup("8:memory:/docker/abc\n", mounts, "memory");
    ASSERT_TRUE(own);
    EXPECT_EQ(own->paths, std::vector<std::string>{"/sys/fs/cgroup/memory"});
    const auto below = find_cgroup("8:memory:/docker/abc/worker\n", mounts, "memory");
    ASSERT_TRUE(below);
    EXPECT_EQ(below->paths.front(), "/sys/fs/cgroup/memory/worker");
}

TEST(find_cgroup, a_group_outside_of_the_mount_is_not_found) {
    constexpr std::string_view mounts =
        "700 690 0:30 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    EXPECT_FALSE(find_cgroup("0::/docker/abcd\n", mounts, "cpu"));
    EXPECT_FALSE(find_cgroup("0::/other\n", mounts, "cpu"));
    EXPECT_FALSE(find_cgroup("0::/../other\n", v2_mount, "cpu"));
}

TEST(find_cgroup, the_mount_that_shows_the_group_is_taken) {
    const std::string mounts =
        "700 690 0:30 /docker/abc /one rw - cgroup2 cgroup2 rw\n" +
        std::string{"701 690 0:30 /docker/def /two rw - cgroup2 cgroup2 rw\n"};
    const auto found = find_cgroup("0::/docker/def\n", mounts, "cpu");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->paths, std::vector<std::string>{"/two"});
}

TEST(find_cgroup, paths_with_escaped_characters_are_read) {
    constexpr std::string_view mounts =
        "25 20 0:22 /my\\040group /mnt/c\\134group\\011x rw - cgroup2 cgroup2 rw\n";
    const auto found = find_cgroup("0::/my group/inner\n", mounts, "cpu");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->paths.front(), "/mnt/c\\group\tx/inner");
}

TEST(find_cgroup, a_path_may_contain_colons) {
    const auto found = find_cgroup("0::/a:b\n", v2_mount, "cpu");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->paths.front(), "/sys/fs/cgroup/a:b");
}

TEST(find_cgroup, similar_names_are_not_the_controller) {
    EXPECT_FALSE(find_cgroup("1:cpuset:/x\n2:cpuacct:/y\n3:name=cpu:/z\n", v1_mounts, "cpu"));
}

TEST(find_cgroup, finds_nothing_in_nonsense) {
    EXPECT_FALSE(find_cgroup("", "", "cpu"));
    EXPECT_FALSE(find_cgroup("0::/\n", "", "cpu"));
    EXPECT_FALSE(find_cgroup("", v2_mount, "cpu"));
    EXPECT_FALSE(find_cgroup("no colons", "no dash", "cpu"));
    EXPECT_FALSE(find_cgroup("0::/\n", " - cgroup", "cpu"));
}

TEST(parse_cpu_max, divides_quota_by_period) {
    EXPECT_EQ(parse_cpu_max("150000 100000\n"), 1.5);
    EXPECT_EQ(parse_cpu_max("300000 100000\n"), 3.0);
    EXPECT_EQ(parse_cpu_max("5000 50000"), 0.1);
}

TEST(parse_cpu_max, finds_no_limit) {
    for (const char* text :
         {"max 100000\n", "", "150000", "150000 0", "150000 -1", "a b", "1 2 3", "-1 100000"}) {
        EXPECT_EQ(parse_cpu_max(text), std::nullopt) << text;
    }
}

TEST(parse_cpu_quota, divides_quota_by_period) {
    EXPECT_EQ(parse_cpu_quota("250000\n", "100000\n"), 2.5);
    EXPECT_EQ(parse_cpu_quota("-1\n", "100000\n"), std::nullopt);
    EXPECT_EQ(parse_cpu_quota("250000\n", "0\n"), std::nullopt);
    EXPECT_EQ(parse_cpu_quota("", ""), std::nullopt);
}

TEST(parse_memory_max, reads_bytes) {
    EXPECT_EQ(parse_memory_max("1073741824\n"), 1'073'741'824U);
    EXPECT_EQ(parse_memory_max("0\n"), 0U);
}

TEST(parse_memory_max, finds_no_limit) {
    for (const char* text :
         {"max\n", "9223372036854771712\n", "18446744073709551615", "", "-1", "1 2", "1k"}) {
        EXPECT_EQ(parse_memory_max(text), std::nullopt) << text;
    }
}

TEST(cgroup_limits, v2_takes_the_least_of_all_levels) {
    const text_reader read = reader_of({
        {"/proc/self/cgroup", "0::/pool/app\n"},
        {"/proc/self/mountinfo", std::string{v2_mount}},
        {"/sys/fs/cgroup/pool/app/cpu.max", "400000 100000\n"},
        {"/sys/fs/cgroup/pool/cpu.max", "150000 100000\n"},
        {"/sys/fs/cgroup/pool/app/memory.max", "max\n"},
        {"/sys/fs/cgroup/pool/memory.max", "4194304\n"},
    });
    EXPECT_EQ(cgroup_cpu_limit(read), 1.5);
    EXPECT_EQ(cgroup_memory_limit(read), 4'194'304U);
}

TEST(cgroup_limits, v1_has_files_of_its_own) {
    const text_reader read = reader_of({
        {"/proc/self/cgroup", "4:memory:/m\n1:cpu,cpuacct:/c\n0::/\n"},
        {"/proc/self/mountinfo", std::string{v1_mounts}},
        {"/sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us", "250000\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_period_us", "100000\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"},
        {"/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "9223372036854771712\n"},
        {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "8388608\n"},
    });
    EXPECT_EQ(cgroup_cpu_limit(read), 2.5);
    EXPECT_EQ(cgroup_memory_limit(read), 8'388'608U);
}

TEST(cgroup_limits, a_machine_without_cgroups_has_none) {
    EXPECT_EQ(cgroup_cpu_limit(reader_of({})), std::nullopt);
    EXPECT_EQ(cgroup_memory_limit(reader_of({})), std::nullopt);
    const text_reader unlimited = reader_of({
        {"/proc/self/cgroup", "0::/\n"},
        {"/proc/self/mountinfo", std::string{v2_mount}},
    });
    EXPECT_EQ(cgroup_cpu_limit(unlimited), std::nullopt);
    EXPECT_EQ(cgroup_memory_limit(unlimited), std::nullopt);
}

// Whatever this machine says must be a sensible number.
TEST(cgroup_limits, this_machine_can_be_read) {
    EXPECT_GT(cgroup_cpu_limit().value_or(1), 0);
    EXPECT_GT(cgroup_memory_limit().value_or(1), 0U);
    EXPECT_TRUE(read_text("/proc/self/mountinfo").has_value());
    EXPECT_FALSE(read_text("/proc/self/no-such-file").has_value());
}

} // namespace
} // namespace sennit::os
