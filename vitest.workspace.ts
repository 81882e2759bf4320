/** The test projects: every room that has tests, the examples and the tools. */
export default ["packages/*/vitest.config.ts", "examples/vitest.config.ts", "tools/vitest.config.ts"]
