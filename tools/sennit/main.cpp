// The command line: reads options and calls the command.
#include "serve.hpp"
#include <sennit/version.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>

namespace {

constexpr const char* serve_footer =
    "Routes, with plain functions under /fiber and coroutines under /task:\n"
    "  GET  /fiber/hello, /fiber/hello/{name}   a greeting\n"
    "  POST /fiber/echo                         the body, as it came\n"
    "  GET  /fiber/fanout                       waits for 100 children at once\n"
    "  GET  /fiber/files/{path}                 files below --root\n"
    "  GET  /status                             what the runtime does, as JSON\n"
    "  GET  /                                   the same as a live page\n"
    "Ctrl-C, or SIGTERM, lets the requests that have begun finish; a second one does not wait.";

void add_serve(CLI::App& app, cli::serve_options& options, double& grace_seconds) {
    CLI::App* serve = app.add_subcommand("serve", "Run the demonstration service");
    serve->footer(serve_footer);
    serve->add_option("--address", options.address, "The IP address to listen on")
        ->capture_default_str();
    serve->add_option("--port", options.port, "The port; 0 chooses one that is free")
        ->capture_default_str();
    serve
        ->add_option("--workers", options.workers,
                     "Worker threads; 0: as many as there are processors to use")
        ->check(CLI::Range(0U, 1024U))
        ->capture_default_str();
    serve
        ->add_option("--root", options.root,
                     "The folder below /fiber/files and /task/files; by default the program's own")
        ->check(CLI::ExistingDirectory);
    const std::map<std::string, double> units{{"ms", 0.001}, {"s", 1}, {"min", 60}};
    serve
        ->add_option("--grace", grace_seconds,
                     "How long running requests may take after a signal: 500ms, 10s, 1min")
        ->transform(CLI::AsNumberWithUnit(units))
        ->check(CLI::Range(0.0, 86'400.0))
        ->default_str("10s");
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Sennit " + std::string(sennit::version) +
                 ": fibers and futures on one scheduler");
    app.name("sennit");
    app.require_subcommand(1);
    cli::serve_options options;
    double grace_seconds = 10;
    add_serve(app, options, grace_seconds);
    app.add_subcommand("version", "Print the version");
    CLI11_PARSE(app, argc, argv);

    if (app.got_subcommand("version")) {
        std::printf("sennit %s\n", sennit::version.data());
        return 0;
    }
    options.grace = std::chrono::nanoseconds(std::llround(grace_seconds * 1e9));
    return cli::serve(options);
}
