-- Has wrk print the quantiles that the report shows, in microseconds; --latency stops at 99 %.
function done(summary, latency, requests)
    for name, percent in pairs({p50 = 50, p99 = 99, p999 = 99.9}) do
        io.write(string.format("%s_us %d\n", name, latency:percentile(percent)))
    end
end
