/**
 * Facts about fields that the models behind schema.gen.json do not carry: how lists merge, what is replaced as a whole,
 * what is required, what is a quantity. Source: the published OpenAPI documents of Kubernetes (`x-kubernetes-list-type`,
 * `-list-map-keys`, `-map-type`, `-patch-merge-key`, `-patch-strategy`, `required`). A list that is not here is atomic.
 */

export interface MergeFacts {
  /** Server-side apply: items are told apart by these fields. */
  readonly mapKeys?: readonly string[];
  /** Server-side apply: items are their own keys. */
  readonly set?: true;
  /** Server-side apply: an object or a map that is replaced as a whole (false: it merges here, though its type is atomic). */
  readonly atomic?: boolean;
  /** Strategic merge patch: items of this key merge. */
  readonly mergeKey?: string;
  /**
   * Strategic merge patch: lists of scalars are joined (`merge`), fields not named in `$retainKeys` may be dropped, an object is
   * replaced as a whole (`replace`).
   */
  readonly strategy?: "merge" | "retainKeys" | "merge,retainKeys" | "replace";
}

const extensions = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";
const admission = "io.k8s.api.admissionregistration.v1";
const core = "io.k8s.api.core.v1";
const authentication = "io.k8s.api.authentication.v1";
const authorization = "io.k8s.api.authorization.v1";
const apps = "io.k8s.api.apps.v1";
const discovery = "io.k8s.api.discovery.v1";
const autoscaling = "io.k8s.api.autoscaling.v1";
const batch = "io.k8s.api.batch.v1";
const events = "io.k8s.api.events.v1";
const networking = "io.k8s.api.networking.v1";
const node = "io.k8s.api.node.v1";
const policy = "io.k8s.api.policy.v1";
const rbac = "io.k8s.api.rbac.v1";
const scheduling = "io.k8s.api.scheduling.v1";
const storage = "io.k8s.api.storage.v1";
const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";

/** Merged by one key, in server-side apply as in strategic merge patch. */
const by = (key: string): MergeFacts => ({ mapKeys: [key], mergeKey: key, strategy: "merge" });
const byRetainingKeys = (key: string): MergeFacts => ({ ...by(key), strategy: "merge,retainKeys" });
/** Server-side apply knows more keys than strategic merge patch, which goes by the first. */
const byKeys = (first: string, ...rest: readonly string[]): MergeFacts => ({ ...by(first), mapKeys: [first, ...rest] });
const onlyApply = (key: string): MergeFacts => ({ mapKeys: [key] });
const set: MergeFacts = { set: true };
const joined: MergeFacts = { set: true, strategy: "merge" };
const atomic: MergeFacts = { atomic: true };
const granular: MergeFacts = { atomic: false };

/** By schema, then by field. */
export const mergeFacts: Readonly<Record<string, Readonly<Record<string, MergeFacts>>>> = {
  [`${admission}.MutatingAdmissionPolicySpec`]: { matchConditions: by("name") },
  [`${admission}.MutatingWebhook`]: { matchConditions: by("name") },
  [`${admission}.MutatingWebhookConfiguration`]: { webhooks: by("name") },
  [`${admission}.ValidatingAdmissionPolicyBindingSpec`]: { validationActions: set },
  [`${admission}.ValidatingAdmissionPolicySpec`]: { matchConditions: by("name"), variables: by("name") },
  [`${admission}.ValidatingAdmissionPolicyStatus`]: { conditions: onlyApply("type") },
  [`${admission}.ValidatingWebhook`]: { matchConditions: by("name") },
  [`${admission}.ValidatingWebhookConfiguration`]: { webhooks: by("name") },
  [`${apps}.DaemonSetStatus`]: { conditions: by("type") },
  [`${apps}.DeploymentSpec`]: { strategy: { strategy: "retainKeys" } },
  [`${apps}.DeploymentStatus`]: { conditions: by("type") },
  [`${apps}.ReplicaSetStatus`]: { conditions: by("type") },
  [`${apps}.StatefulSetStatus`]: { conditions: by("type") },
  [`${batch}.JobStatus`]: { conditions: { mergeKey: "type", strategy: "merge" } },
  [`${batch}.PodFailurePolicyOnExitCodesRequirement`]: { values: set },
  [`${batch}.UncountedTerminatedPods`]: { failed: set, succeeded: set },
  [`${core}.Container`]: {
    env: by("name"),
    ports: byKeys("containerPort", "protocol"),
    volumeDevices: by("devicePath"),
    volumeMounts: by("mountPath"),
  },
  [`${core}.ContainerRestartRuleOnExitCodes`]: { values: set },
  [`${core}.ContainerStatus`]: { allocatedResourcesStatus: by("name"), volumeMounts: by("mountPath") },
  [`${core}.EphemeralContainer`]: {
    env: by("name"),
    ports: byKeys("containerPort", "protocol"),
    volumeDevices: by("devicePath"),
    volumeMounts: by("mountPath"),
  },
  [`${core}.NamespaceStatus`]: { conditions: by("type") },
  [`${core}.NodeAllocatableResourceClaimStatus`]: { containers: set },
  [`${core}.NodeSpec`]: { podCIDRs: joined },
  [`${core}.NodeStatus`]: { addresses: by("type"), conditions: by("type") },
  [`${core}.PersistentVolumeClaimStatus`]: { allocatedResourceStatuses: granular, conditions: by("type") },
  [`${core}.PersistentVolumeSpec`]: { claimRef: granular },
  [`${core}.PodSpec`]: {
    containers: by("name"),
    ephemeralContainers: by("name"),
    hostAliases: by("ip"),
    imagePullSecrets: by("name"),
    initContainers: by("name"),
    nodeSelector: atomic,
    resourceClaims: byRetainingKeys("name"),
    schedulingGates: by("name"),
    topologySpreadConstraints: byKeys("topologyKey", "whenUnsatisfiable"),
    volumes: byRetainingKeys("name"),
  },
  [`${core}.PodStatus`]: {
    conditions: by("type"),
    hostIPs: { mergeKey: "ip", strategy: "merge" },
    podIPs: by("ip"),
    resourceClaimStatuses: byRetainingKeys("name"),
  },
  [`${core}.ReplicationControllerSpec`]: { selector: atomic },
  [`${core}.ReplicationControllerStatus`]: { conditions: by("type") },
  [`${core}.ResourceRequirements`]: { claims: onlyApply("name") },
  [`${core}.ResourceStatus`]: { resources: onlyApply("resourceID") },
  [`${core}.ServiceAccount`]: { secrets: by("name") },
  [`${core}.ServiceSpec`]: { ports: byKeys("port", "protocol"), selector: atomic },
  [`${core}.ServiceStatus`]: { conditions: by("type") },
  [`${discovery}.Endpoint`]: { addresses: set },
  [`${meta}.ObjectMeta`]: { finalizers: joined, ownerReferences: by("uid") },
  [`${extensions}.CustomResourceDefinitionStatus`]: { conditions: onlyApply("type") },
  [`${extensions}.JSONSchemaProps`]: { "x-kubernetes-validations": by("rule") },
  [`${networking}.ServiceCIDRStatus`]: { conditions: by("type") },
  [`${node}.Scheduling`]: { nodeSelector: atomic },
  [`${policy}.PodDisruptionBudgetSpec`]: { selector: { strategy: "replace" } },
  [`${policy}.PodDisruptionBudgetStatus`]: { conditions: by("type") },
};

/** Objects that server-side apply replaces as a whole, wherever they stand. */
export const atomicTypes: ReadonlySet<string> = new Set([
  `${admission}.MatchResources`,
  `${admission}.NamedRuleWithOperations`,
  `${admission}.ParamKind`,
  `${admission}.ParamRef`,
  `${admission}.Variable`,
  `${core}.ConfigMapKeySelector`,
  `${core}.EndpointAddress`,
  `${core}.EndpointPort`,
  `${core}.FileKeySelector`,
  `${core}.LocalObjectReference`,
  `${core}.NodeSelector`,
  `${core}.NodeSelectorTerm`,
  `${core}.ObjectFieldSelector`,
  `${core}.ObjectReference`,
  `${core}.ResourceFieldSelector`,
  `${core}.ScopeSelector`,
  `${core}.SecretKeySelector`,
  `${core}.SecretReference`,
  `${core}.TopologySelectorTerm`,
  `${core}.TypedLocalObjectReference`,
  `${discovery}.EndpointPort`,
  `${meta}.LabelSelector`,
  `${meta}.OwnerReference`,
  `${networking}.ServiceBackendPort`,
  `${rbac}.RoleRef`,
  `${rbac}.Subject`,
]);

/** Defaults that complete a list key: two ports are told apart by number and protocol, and the protocol may be left out. */
export const keyDefaults: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  [`${core}.ContainerPort`]: { protocol: "TCP" },
  [`${core}.ServicePort`]: { protocol: "TCP" },
};

export const requiredFields: Readonly<Record<string, readonly string[]>> = {
  [`${admission}.AuditAnnotation`]: ["key", "valueExpression"],
  [`${admission}.ExpressionWarning`]: ["fieldRef", "warning"],
  [`${admission}.MatchCondition`]: ["name", "expression"],
  [`${admission}.Mutation`]: ["patchType"],
  [`${admission}.MutatingWebhook`]: ["name", "clientConfig", "sideEffects", "admissionReviewVersions"],
  [`${admission}.ServiceReference`]: ["namespace", "name"],
  [`${admission}.ValidatingAdmissionPolicyBinding`]: ["spec"],
  [`${admission}.ValidatingAdmissionPolicyBindingSpec`]: ["policyName", "validationActions"],
  [`${admission}.ValidatingWebhook`]: ["name", "clientConfig", "sideEffects", "admissionReviewVersions"],
  [`${admission}.Validation`]: ["expression"],
  [`${admission}.Variable`]: ["name", "expression"],
  [`${authentication}.TokenReview`]: ["spec"],
  [`${authentication}.TokenReviewSpec`]: ["token"],
  [`${authorization}.LocalSubjectAccessReview`]: ["spec"],
  [`${authorization}.NonResourceRule`]: ["verbs"],
  [`${authorization}.ResourceRule`]: ["verbs"],
  [`${authorization}.SelfSubjectAccessReview`]: ["spec"],
  [`${authorization}.SelfSubjectRulesReview`]: ["spec"],
  [`${authorization}.SubjectAccessReview`]: ["spec"],
  [`${authorization}.SubjectAccessReviewStatus`]: ["allowed"],
  [`${authorization}.SubjectRulesReviewStatus`]: ["resourceRules", "nonResourceRules", "incomplete"],
  [`${apps}.ControllerRevision`]: ["revision"],
  [`${apps}.DaemonSetCondition`]: ["type", "status"],
  [`${apps}.DaemonSetSpec`]: ["selector", "template"],
  [`${apps}.DaemonSetStatus`]: [
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
  ],
  [`${apps}.DeploymentCondition`]: ["type", "status"],
  [`${apps}.DeploymentSpec`]: ["selector", "template"],
  [`${apps}.ReplicaSetCondition`]: ["type", "status"],
  [`${apps}.ReplicaSetSpec`]: ["selector"],
  [`${apps}.ReplicaSetStatus`]: ["replicas"],
  [`${apps}.StatefulSetCondition`]: ["type", "status"],
  [`${apps}.StatefulSetSpec`]: ["selector", "template"],
  [`${apps}.StatefulSetStatus`]: ["replicas"],
  [`${autoscaling}.ScaleStatus`]: ["replicas"],
  [`${batch}.CronJob`]: ["spec"],
  [`${batch}.CronJobSpec`]: ["schedule", "jobTemplate"],
  [`${batch}.JobCondition`]: ["type", "status"],
  [`${batch}.JobSpec`]: ["template"],
  [`${batch}.PodFailurePolicy`]: ["rules"],
  [`${batch}.PodFailurePolicyOnExitCodesRequirement`]: ["operator", "values"],
  [`${batch}.PodFailurePolicyOnPodConditionsPattern`]: ["type"],
  [`${batch}.PodFailurePolicyRule`]: ["action"],
  [`${batch}.SuccessPolicy`]: ["rules"],
  [`${core}.AWSElasticBlockStoreVolumeSource`]: ["volumeID"],
  [`${core}.AppArmorProfile`]: ["type"],
  [`${core}.AttachedVolume`]: ["name", "devicePath"],
  [`${core}.AzureDiskVolumeSource`]: ["diskName", "diskURI"],
  [`${core}.AzureFilePersistentVolumeSource`]: ["secretName", "shareName"],
  [`${core}.AzureFileVolumeSource`]: ["secretName", "shareName"],
  [`${core}.Binding`]: ["target"],
  [`${core}.CSIPersistentVolumeSource`]: ["driver", "volumeHandle"],
  [`${core}.CSIVolumeSource`]: ["driver"],
  [`${core}.CephFSPersistentVolumeSource`]: ["monitors"],
  [`${core}.CephFSVolumeSource`]: ["monitors"],
  [`${core}.CinderPersistentVolumeSource`]: ["volumeID"],
  [`${core}.CinderVolumeSource`]: ["volumeID"],
  [`${core}.ClusterTrustBundleProjection`]: ["path"],
  [`${core}.ConfigMapKeySelector`]: ["key"],
  [`${core}.ConfigMapNodeConfigSource`]: ["namespace", "name", "kubeletConfigKey"],
  [`${core}.Container`]: ["name"],
  [`${core}.ContainerExtendedResourceRequest`]: ["containerName", "resourceName", "requestName"],
  [`${core}.ContainerPort`]: ["containerPort"],
  [`${core}.ContainerResizePolicy`]: ["resourceName", "restartPolicy"],
  [`${core}.ContainerRestartRule`]: ["action"],
  [`${core}.ContainerRestartRuleOnExitCodes`]: ["operator"],
  [`${core}.ContainerStateTerminated`]: ["exitCode"],
  [`${core}.ContainerStatus`]: ["name", "ready", "restartCount", "image", "imageID"],
  [`${core}.DaemonEndpoint`]: ["Port"],
  [`${core}.DownwardAPIVolumeFile`]: ["path"],
  [`${core}.EndpointAddress`]: ["ip"],
  [`${core}.EndpointPort`]: ["port"],
  [`${core}.EnvVar`]: ["name"],
  [`${core}.EphemeralContainer`]: ["name"],
  [`${core}.Event`]: ["metadata", "involvedObject"],
  [`${core}.FileKeySelector`]: ["volumeName", "path", "key"],
  [`${core}.FlexPersistentVolumeSource`]: ["driver"],
  [`${core}.FlexVolumeSource`]: ["driver"],
  [`${core}.GCEPersistentDiskVolumeSource`]: ["pdName"],
  [`${core}.GRPCAction`]: ["port"],
  [`${core}.GitRepoVolumeSource`]: ["repository"],
  [`${core}.GlusterfsPersistentVolumeSource`]: ["endpoints", "path"],
  [`${core}.GlusterfsVolumeSource`]: ["endpoints", "path"],
  [`${core}.HTTPGetAction`]: ["port"],
  [`${core}.HTTPHeader`]: ["name", "value"],
  [`${core}.HostAlias`]: ["ip"],
  [`${core}.HostIP`]: ["ip"],
  [`${core}.HostPathVolumeSource`]: ["path"],
  [`${core}.ISCSIPersistentVolumeSource`]: ["targetPortal", "iqn", "lun"],
  [`${core}.ISCSIVolumeSource`]: ["targetPortal", "iqn", "lun"],
  [`${core}.ImageVolumeStatus`]: ["imageRef"],
  [`${core}.KeyToPath`]: ["key", "path"],
  [`${core}.LimitRangeItem`]: ["type"],
  [`${core}.LimitRangeSpec`]: ["limits"],
  [`${core}.LinuxContainerUser`]: ["uid", "gid"],
  [`${core}.LocalVolumeSource`]: ["path"],
  [`${core}.ModifyVolumeStatus`]: ["status"],
  [`${core}.NFSVolumeSource`]: ["server", "path"],
  [`${core}.NamespaceCondition`]: ["type", "status"],
  [`${core}.NodeAddress`]: ["type", "address"],
  [`${core}.NodeAllocatableResourceClaimStatus`]: ["resourceClaimName", "resources"],
  [`${core}.NodeCondition`]: ["type", "status"],
  [`${core}.NodeSelector`]: ["nodeSelectorTerms"],
  [`${core}.NodeSelectorRequirement`]: ["key", "operator"],
  [`${core}.NodeSystemInfo`]: [
    "machineID",
    "systemUUID",
    "bootID",
    "kernelVersion",
    "osImage",
    "containerRuntimeVersion",
    "kubeletVersion",
    "kubeProxyVersion",
    "operatingSystem",
    "architecture",
  ],
  [`${core}.ObjectFieldSelector`]: ["fieldPath"],
  [`${core}.PersistentVolumeClaimCondition`]: ["type", "status"],
  [`${core}.PersistentVolumeClaimTemplate`]: ["spec"],
  [`${core}.PersistentVolumeClaimVolumeSource`]: ["claimName"],
  [`${core}.PhotonPersistentDiskVolumeSource`]: ["pdID"],
  [`${core}.PodAffinityTerm`]: ["topologyKey"],
  [`${core}.PodCertificateProjection`]: ["signerName", "keyType"],
  [`${core}.PodCondition`]: ["type", "status"],
  [`${core}.PodExtendedResourceClaimStatus`]: ["requestMappings", "resourceClaimName"],
  [`${core}.PodIP`]: ["ip"],
  [`${core}.PodOS`]: ["name"],
  [`${core}.PodReadinessGate`]: ["conditionType"],
  [`${core}.PodResourceClaim`]: ["name"],
  [`${core}.PodResourceClaimStatus`]: ["name"],
  [`${core}.PodSchedulingGate`]: ["name"],
  [`${core}.PodSpec`]: ["containers"],
  [`${core}.PortStatus`]: ["port", "protocol"],
  [`${core}.PortworxVolumeSource`]: ["volumeID"],
  [`${core}.PreferredSchedulingTerm`]: ["weight", "preference"],
  [`${core}.QuobyteVolumeSource`]: ["registry", "volume"],
  [`${core}.RBDPersistentVolumeSource`]: ["monitors", "image"],
  [`${core}.RBDVolumeSource`]: ["monitors", "image"],
  [`${core}.ReplicationControllerCondition`]: ["type", "status"],
  [`${core}.ReplicationControllerStatus`]: ["replicas"],
  [`${core}.ResourceClaim`]: ["name"],
  [`${core}.ResourceFieldSelector`]: ["resource"],
  [`${core}.ResourceHealth`]: ["resourceID"],
  [`${core}.ResourceStatus`]: ["name"],
  [`${core}.ScaleIOPersistentVolumeSource`]: ["gateway", "system", "secretRef"],
  [`${core}.ScaleIOVolumeSource`]: ["gateway", "system", "secretRef"],
  [`${core}.ScopedResourceSelectorRequirement`]: ["scopeName", "operator"],
  [`${core}.SeccompProfile`]: ["type"],
  [`${core}.SecretKeySelector`]: ["key"],
  [`${core}.ServiceAccountTokenProjection`]: ["path"],
  [`${core}.ServicePort`]: ["port"],
  [`${core}.SleepAction`]: ["seconds"],
  [`${core}.Sysctl`]: ["name", "value"],
  [`${core}.TCPSocketAction`]: ["port"],
  [`${core}.Taint`]: ["key", "effect"],
  [`${core}.TopologySelectorLabelRequirement`]: ["key", "values"],
  [`${core}.TopologySpreadConstraint`]: ["maxSkew", "topologyKey", "whenUnsatisfiable"],
  [`${core}.TypedLocalObjectReference`]: ["kind", "name"],
  [`${core}.TypedObjectReference`]: ["kind", "name"],
  [`${core}.Volume`]: ["name"],
  [`${core}.VolumeDevice`]: ["name", "devicePath"],
  [`${core}.VolumeMount`]: ["name", "mountPath"],
  [`${core}.VolumeMountStatus`]: ["name", "mountPath"],
  [`${core}.VsphereVirtualDiskVolumeSource`]: ["volumePath"],
  [`${core}.WeightedPodAffinityTerm`]: ["weight", "podAffinityTerm"],
  [`${discovery}.Endpoint`]: ["addresses"],
  [`${discovery}.EndpointSlice`]: ["addressType"],
  [`${discovery}.ForNode`]: ["name"],
  [`${discovery}.ForZone`]: ["name"],
  [`${events}.Event`]: ["eventTime"],
  [`${events}.EventSeries`]: ["count", "lastObservedTime"],
  [`${extensions}.CustomResourceColumnDefinition`]: ["name", "type", "jsonPath"],
  [`${extensions}.CustomResourceConversion`]: ["strategy"],
  [`${extensions}.CustomResourceDefinition`]: ["spec"],
  [`${extensions}.CustomResourceDefinitionCondition`]: ["type", "status"],
  [`${extensions}.CustomResourceDefinitionNames`]: ["plural", "kind"],
  [`${extensions}.CustomResourceDefinitionSpec`]: ["group", "names", "scope", "versions"],
  [`${extensions}.CustomResourceDefinitionVersion`]: ["name", "served", "storage"],
  [`${extensions}.CustomResourceSubresourceScale`]: ["specReplicasPath", "statusReplicasPath"],
  [`${extensions}.SelectableField`]: ["jsonPath"],
  [`${extensions}.ServiceReference`]: ["namespace", "name"],
  [`${extensions}.ValidationRule`]: ["rule"],
  [`${extensions}.WebhookConversion`]: ["conversionReviewVersions"],
  [`${meta}.Condition`]: ["type", "status", "lastTransitionTime", "reason", "message"],
  [`${meta}.FieldSelectorRequirement`]: ["key", "operator"],
  [`${meta}.LabelSelectorRequirement`]: ["key", "operator"],
  [`${meta}.OwnerReference`]: ["apiVersion", "kind", "name", "uid"],
  [`${meta}.ShardInfo`]: ["selector"],
  [`${networking}.HTTPIngressPath`]: ["pathType", "backend"],
  [`${networking}.HTTPIngressRuleValue`]: ["paths"],
  [`${networking}.IPAddress`]: ["spec"],
  [`${networking}.IPAddressSpec`]: ["parentRef"],
  [`${networking}.IPBlock`]: ["cidr"],
  [`${networking}.IngressClassParametersReference`]: ["kind", "name"],
  [`${networking}.IngressPortStatus`]: ["port", "protocol"],
  [`${networking}.IngressServiceBackend`]: ["name"],
  [`${networking}.ParentReference`]: ["resource", "name"],
  [`${node}.RuntimeClass`]: ["handler"],
  [`${rbac}.ClusterRoleBinding`]: ["roleRef"],
  [`${rbac}.PolicyRule`]: ["verbs"],
  [`${rbac}.RoleBinding`]: ["roleRef"],
  [`${rbac}.RoleRef`]: ["kind", "name"],
  [`${rbac}.Subject`]: ["kind", "name"],
  [`${scheduling}.PriorityClass`]: ["value"],
  [`${storage}.StorageClass`]: ["provisioner"],
};

/** Fields that are written even if nobody has set them, with what stands for nothing: no validation asks for them. */
export const writtenFields: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  [`${meta}.Condition`]: { lastTransitionTime: null, message: "", reason: "", status: "", type: "" },
};

/** Fields (or the values of maps) that hold a Quantity: "100m", "1Gi". */
export const quantityFields: Readonly<Record<string, readonly string[]>> = {
  [`${core}.ContainerStatus`]: ["allocatedResources"],
  [`${core}.EmptyDirVolumeSource`]: ["sizeLimit"],
  [`${core}.LimitRangeItem`]: ["default", "defaultRequest", "max", "maxLimitRequestRatio", "min"],
  [`${core}.NodeAllocatableResourceClaimStatus`]: ["resources"],
  [`${core}.NodeStatus`]: ["allocatable", "capacity"],
  [`${core}.PersistentVolumeClaimStatus`]: ["allocatedResources", "capacity"],
  [`${core}.PersistentVolumeSpec`]: ["capacity"],
  [`${core}.PodSpec`]: ["overhead"],
  [`${core}.PodStatus`]: ["allocatedResources"],
  [`${core}.ResourceFieldSelector`]: ["divisor"],
  [`${core}.ResourceQuotaSpec`]: ["hard"],
  [`${core}.ResourceQuotaStatus`]: ["hard", "used"],
  [`${core}.ResourceRequirements`]: ["limits", "requests"],
  [`${core}.VolumeResourceRequirements`]: ["limits", "requests"],
  [`${node}.Overhead`]: ["podFixed"],
};

/** Defaults that the published documents name, but for empty ones. */
export const publishedDefaults: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "io.k8s.api.core.v1.AzureDiskVolumeSource": { cachingMode: "ReadWrite", fsType: "ext4", kind: "Shared" },
  "io.k8s.api.core.v1.ContainerPort": { protocol: "TCP" },
  "io.k8s.api.core.v1.ISCSIPersistentVolumeSource": { iscsiInterface: "default" },
  "io.k8s.api.core.v1.ISCSIVolumeSource": { iscsiInterface: "default" },
  "io.k8s.api.core.v1.RBDPersistentVolumeSource": { keyring: "/etc/ceph/keyring", pool: "rbd", user: "admin" },
  "io.k8s.api.core.v1.RBDVolumeSource": { keyring: "/etc/ceph/keyring", pool: "rbd", user: "admin" },
  "io.k8s.api.core.v1.ReplicationControllerSpec": { replicas: 1 },
  "io.k8s.api.core.v1.ScaleIOPersistentVolumeSource": { fsType: "xfs", storageMode: "ThinProvisioned" },
  "io.k8s.api.core.v1.ScaleIOVolumeSource": { fsType: "xfs", storageMode: "ThinProvisioned" },
  "io.k8s.api.core.v1.ServicePort": { protocol: "TCP" },
};
