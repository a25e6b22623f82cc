/** API groups that people ask for and fairlead does not have: one sentence each that says why, and what to do. */
const absent: Readonly<Record<string, string>> = {
  autoscaling:
    'fairlead measures no load and so scales nothing by itself: set the number of replicas with "kubectl scale"',
  "metrics.k8s.io": "fairlead measures no CPU and memory of Pods and Nodes: there is nothing to show",
};

/** Undefined: the path is just unknown. */
export function absenceOf(pathname: string): string | undefined {
  const [, root, group = ""] = pathname.split("/");
  return root === "apis" && Object.hasOwn(absent, group) ? absent[group] : undefined;
}
