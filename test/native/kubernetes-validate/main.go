// Command kubernetes-validate checks YAML files with Kubernetes' own strict decoding, defaulting and validation code, without
// a cluster. It prints a line for each complaint and exits 1 if there is one. Kinds that Kubernetes itself does not know (custom
// resources) are skipped.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/admissionregistration"
	_ "k8s.io/kubernetes/pkg/apis/admissionregistration/install"
	admissionvalidation "k8s.io/kubernetes/pkg/apis/admissionregistration/validation"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/autoscaling"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	asvalidation "k8s.io/kubernetes/pkg/apis/autoscaling/validation"
	"k8s.io/kubernetes/pkg/apis/batch"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	batchvalidation "k8s.io/kubernetes/pkg/apis/batch/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	netvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/apis/policy"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	policyvalidation "k8s.io/kubernetes/pkg/apis/policy/validation"
	"k8s.io/kubernetes/pkg/apis/rbac"
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"
	rbacvalidation "k8s.io/kubernetes/pkg/apis/rbac/validation"
)

func validate(obj runtime.Object) (field.ErrorList, string) {
	opts := corevalidation.PodValidationOptions{}
	switch o := obj.(type) {
	case *admissionregistration.ValidatingAdmissionPolicy:
		return admissionvalidation.ValidateValidatingAdmissionPolicy(o), ""
	case *admissionregistration.ValidatingAdmissionPolicyBinding:
		return admissionvalidation.ValidateValidatingAdmissionPolicyBinding(o), ""
	case *apps.Deployment:
		return appsvalidation.ValidateDeployment(o, opts), ""
	case *apps.StatefulSet:
		return appsvalidation.ValidateStatefulSet(o, opts), ""
	case *batch.Job:
		// what the strategy generates
		if o.Spec.Selector == nil {
			o.UID = "u"
			batchGen(o)
		}
		return batchvalidation.ValidateJob(o, batchvalidation.JobValidationOptions{}), ""
	case *batch.CronJob:
		return batchvalidation.ValidateCronJobCreate(o, opts), ""
	case *core.Service:
		if o.Spec.ClusterIP == "None" && len(o.Spec.ClusterIPs) == 0 {
			o.Spec.ClusterIPs = []string{"None"}
		}
		return corevalidation.ValidateServiceCreate(o), ""
	case *core.ConfigMap:
		return corevalidation.ValidateConfigMap(o), ""
	case *core.Secret:
		return corevalidation.ValidateSecret(o), ""
	case *core.ServiceAccount:
		return corevalidation.ValidateServiceAccount(o), ""
	case *core.Namespace:
		return corevalidation.ValidateNamespace(o), ""
	case *core.PersistentVolumeClaim:
		return corevalidation.ValidatePersistentVolumeClaim(o, corevalidation.PersistentVolumeClaimSpecValidationOptions{}), ""
	case *networking.Ingress:
		return netvalidation.ValidateIngressCreate(o), ""
	case *networking.NetworkPolicy:
		return netvalidation.ValidateNetworkPolicy(o, netvalidation.NetworkPolicyValidationOptions{}), ""
	case *policy.PodDisruptionBudget:
		return policyvalidation.ValidatePodDisruptionBudget(o, policyvalidation.PodDisruptionBudgetValidationOptions{}), ""
	case *autoscaling.HorizontalPodAutoscaler:
		return asvalidation.ValidateHorizontalPodAutoscaler(o, asvalidation.HorizontalPodAutoscalerSpecValidationOptions{MinReplicasLowerBound: 1}), ""
	case *rbac.Role:
		return rbacvalidation.ValidateRole(o), ""
	case *rbac.RoleBinding:
		return rbacvalidation.ValidateRoleBinding(o), ""
	}
	return nil, fmt.Sprintf("no validation for %T", obj)
}

func batchGen(o *batch.Job) {
	t := true
	o.Spec.ManualSelector = &t
	if o.Spec.Template.Labels == nil {
		o.Spec.Template.Labels = map[string]string{}
	}
	o.Spec.Template.Labels["batch.kubernetes.io/controller-uid"] = "u"
	o.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"batch.kubernetes.io/controller-uid": "u"}}
}

func main() {
	codecs := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict)
	decoder := codecs.UniversalDecoder()
	bad := 0
	for _, file := range os.Args[1:] {
		data, err := os.ReadFile(file)
		if err != nil {
			fmt.Println(err)
			bad++
			continue
		}
		reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
		for {
			doc, err := reader.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				fmt.Println(file, err)
				bad++
				break
			}
			if len(bytes.TrimSpace(doc)) == 0 {
				continue
			}
			js, err := utilyaml.ToJSON(doc)
			if err != nil {
				fmt.Printf("%s: yaml: %v\n", file, err)
				bad++
				continue
			}
			obj, gvk, err := decoder.Decode(js, nil, nil)
			if err != nil {
				if runtime.IsNotRegisteredError(err) {
					continue
				}
				fmt.Printf("%s: decode %v: %.300v\n", file, gvk, err)
				bad++
				continue
			}
			if acc, ok := obj.(metav1.Object); ok && acc.GetNamespace() == "" {
				switch obj.(type) {
				case *core.Namespace, *admissionregistration.ValidatingAdmissionPolicy,
					*admissionregistration.ValidatingAdmissionPolicyBinding:
					// Of the whole cluster.
				default:
					acc.SetNamespace("default")
				}
			}
			errs, note := validate(obj)
			if note != "" {
				fmt.Printf("%s: %s\n", file, note)
			}
			for _, e := range errs {
				name := ""
				if acc, ok := obj.(metav1.Object); ok {
					name = acc.GetName()
				}
				fmt.Printf("%s: %s/%s: %.400s\n", file, gvk.Kind, name, e.Error())
				bad++
			}
		}
	}
	if bad > 0 {
		os.Exit(1)
	}
}
