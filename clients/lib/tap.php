<?php
// The examples in PHP as tests: what they need to report in TAP.

$examples = [];

// What an example shows, and how.
function example(string $name, callable $show): void
{
    global $examples;
    $examples[$name] = $show;
}

function check(bool $true, string $what = ''): void
{
    if (!$true) {
        throw new LogicException("it is not so: $what");
    }
}

// The call, which shows the wrong way, raises an error with this text.
function fails(string $text, callable $wrong): void
{
    try {
        $wrong();
    } catch (LogicException $e) {
        throw $e;
    } catch (Throwable $e) {
        check(str_contains($e->getMessage(), $text), "$text, but " . $e->getMessage());
        return;
    }
    throw new LogicException("no error, but $text was expected");
}

// Runs the program so many times at once, each with its number; returns what
// they printed.
function at_once(array $command, int $times = 8): array
{
    for ($n = 0; $n < $times; $n++) {
        $processes[$n] = proc_open([...$command, $n], [0 => ['pipe', 'r'], 1 => ['pipe', 'w']], $pipes[$n]);
    }
    foreach ($pipes as [, $out]) {
        fgets($out);                    // until all of them are ready
    }
    foreach ($pipes as [$in]) {
        fclose($in);
    }
    foreach ($pipes as $n => [, $out]) {
        $answers[] = stream_get_contents($out);
        check(proc_close($processes[$n]) === 0, "process $n ended well");
    }
    return $answers;
}

function run(...$arguments): never
{
    global $examples;
    $number = $failed = 0;
    echo '1..', count($examples), "\n";
    foreach ($examples as $name => $show) {
        $number++;
        try {
            $show(...$arguments);
            echo "ok $number - $name\n";
        } catch (Throwable $e) {
            $failed = 1;
            echo "not ok $number - $name\n", preg_replace('/^/m', '# ', (string) $e), "\n";
        }
    }
    exit($failed);
}
