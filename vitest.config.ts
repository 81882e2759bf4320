import { configDefaults, defineConfig } from "vitest/config"

/**
 * The tests of all rooms, the examples and the tools leave nothing behind: they are one project without isolation, so that
 * a worker loads every module once, and not once for each room or file. The command's tests are a project of their own.
 * The number of workers is given by `npm test`, since vitest 5 takes one on two processors, whatever is said here.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "rooms",
          include: ["packages/*/test/**/*.test.ts", "{examples,tools}/*/*.test.ts"],
          exclude: [...configDefaults.exclude, "packages/cli/**"],
          isolate: false,
          testTimeout: 300_000
        }
      },
      "packages/cli/vitest.config.ts"
    ]
  }
})
