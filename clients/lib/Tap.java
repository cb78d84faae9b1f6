import java.sql.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** The examples in Java as tests: what they need to report in TAP. */
final class Tap {
    interface Example {
        void show(Connection conn) throws Exception;
    }

    interface Statements {
        void run() throws Exception;
    }

    private final List<String> names = new ArrayList<>();
    private final List<Example> examples = new ArrayList<>();

    /** What an example shows, and how. */
    Tap example(String name, Example example) {
        names.add(name);
        examples.add(example);
        return this;
    }

    /** The statements, which show the wrong way, raise an error with this text. */
    static void fails(String text, Statements wrong) throws Exception {
        try {
            wrong.run();
        } catch (Exception error) {
            if (!String.valueOf(error.getMessage()).contains(text))
                throw error;
            return;
        }
        throw new AssertionError("no error, but \"" + text + "\" was expected");
    }

    /** Makes the call in so many threads at once; returns the answers. */
    static <T> List<T> atOnce(int times, Callable<T> call) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(times);
        CyclicBarrier barrier = new CyclicBarrier(times);
        try {
            List<Future<T>> futures = new ArrayList<>();
            for (int n = 0; n < times; n++) {
                futures.add(threads.submit(() -> {
                    barrier.await(30, TimeUnit.SECONDS);
                    return call.call();
                }));
            }
            List<T> answers = new ArrayList<>();
            for (Future<T> future : futures)
                answers.add(future.get());
            return answers;
        } finally {
            threads.shutdown();
        }
    }

    /** Shows every example; the status to exit with. */
    int run(Connection conn) {
        if (!Tap.class.desiredAssertionStatus())
            throw new IllegalStateException("without java -ea nothing is tested");
        int failed = 0;
        System.out.println("1.." + examples.size());
        for (int i = 0; i < examples.size(); i++) {
            String report = (i + 1) + " - " + names.get(i);
            try {
                examples.get(i).show(conn);
                System.out.println("ok " + report);
            } catch (Throwable error) {
                failed = 1;
                System.out.println("not ok " + report);
                System.out.println("# " + error);
                for (StackTraceElement place : error.getStackTrace())
                    System.out.println("#     at " + place);
            }
        }
        return failed;
    }
}
